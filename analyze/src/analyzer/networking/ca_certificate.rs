//! TLS to servers that nobody verifies.

use heddle_crds::networking::destination_rule::Spec;
use heddle_crds::networking::tls::{ClientTls, ClientTlsMode};

use crate::finding::Findings;
use crate::message::{NO_SERVER_VERIFICATION, NO_SERVER_VERIFICATION_ON_PORT};
use crate::world::World;

/// Finds rules that begin TLS without naming a certificate authority.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for rule in &world.destination_rules {
        let Some(policy) = &rule.spec.traffic_policy else { continue };
        let (name, namespace, host) = (rule.identity.full_name(), rule.namespace(), &rule.spec.host);
        if let Some(mode) = unverified(policy.tls.as_ref(), &rule.spec) {
            let arguments: [&dyn std::fmt::Display; 4] = [&name, &namespace, &mode, host];
            findings.add(&NO_SERVER_VERIFICATION, rule, "spec.trafficPolicy.tls", &arguments);
        }
        for (index, setting) in policy.port_level_settings.iter().enumerate() {
            let Some(mode) = unverified(setting.tls.as_ref(), &rule.spec) else { continue };
            let port = setting.port.as_ref().map_or(0, |port| port.number);
            let path = format!("spec.trafficPolicy.portLevelSettings[{index}].tls");
            findings.add(&NO_SERVER_VERIFICATION_ON_PORT, rule, path, &[&name, &namespace, &mode, host, &port]);
        }
    }
}

/// The mode of settings that verify no server. With a workload selector, the authority comes from the credential.
fn unverified(tls: Option<&ClientTls>, rule: &Spec) -> Option<&'static str> {
    let tls = tls?;
    let mode = match tls.mode {
        ClientTlsMode::Simple => "SIMPLE",
        ClientTlsMode::Mutual => "MUTUAL",
        _ => return None,
    };
    let has_credential = !tls.credential_name.is_empty() && rule.workload_selector.is_some();
    (tls.ca_certificates.is_empty() && !has_credential).then_some(mode)
}
