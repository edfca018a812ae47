//! One certificate at several gateways.

use heddle_crds::networking::tls::ServerTls;

use crate::finding::Findings;
use crate::label;
use crate::message::DUPLICATE_CERTIFICATE;
use crate::world::World;

/// Finds gateways of the same pods that share a certificate. A client may then reuse a connection of one gateway's
/// host for the other's. The finding belongs to the gateway with the wider selector, or to both.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for gateway in &world.gateways {
        let others = world.gateways.iter().filter(|other| other.identity != gateway.identity);
        for other in others.filter(|other| label::selects(&gateway.spec.selector, &other.spec.selector)) {
            let mut pairs = gateway.spec.servers.iter().enumerate().filter_map(|(index, ours)| {
                let ours = ours.tls.as_ref()?;
                let is_same = |theirs: &ServerTls| has_same_certificate(ours, theirs);
                other.spec.servers.iter().filter_map(|server| server.tls.as_ref()).any(is_same).then_some(index)
            });
            if let Some(index) = pairs.next() {
                let names = format!("{}, {}", gateway.identity.full_name(), other.identity.full_name());
                findings.add(&DUPLICATE_CERTIFICATE, gateway, format!("spec.servers[{index}].tls"), &[&names]);
            }
        }
    }
}

fn has_same_certificate(ours: &ServerTls, theirs: &ServerTls) -> bool {
    let names = |tls: &ServerTls| -> Vec<String> {
        let names = std::iter::once(&tls.credential_name).chain(&tls.credential_names);
        names.filter(|name| !name.is_empty()).cloned().collect()
    };
    let (our_names, their_names) = (names(ours), names(theirs));
    if our_names.is_empty() && their_names.is_empty() {
        let is_named = !ours.server_certificate.is_empty() && !ours.private_key.is_empty();
        return is_named
            && ours.server_certificate == theirs.server_certificate
            && ours.private_key == theirs.private_key;
    }
    our_names.iter().any(|name| their_names.contains(name))
}
