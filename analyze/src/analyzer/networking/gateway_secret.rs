//! Credentials of gateways.

use std::collections::{BTreeMap, BTreeSet};

use heddle_crds::networking::gateway::Server;
use x509_parser::pem::Pem;

use super::gateway_pod;
use crate::finding::Findings;
use crate::message::{INVALID_CREDENTIAL, NOT_FOUND};
use crate::object::Object;
use crate::world::{World, find};

/// The keys of a certificate and its private key, in the two layouts of Secrets.
const LAYOUTS: [(&str, &str); 2] = [("tls.crt", "tls.key"), ("cert", "key")];

/// Finds credentials that are not in the namespace of the gateway's pods, or cannot be used.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for gateway in &world.gateways {
        let pods = gateway_pod::pods(gateway, world, findings);
        let namespaces: BTreeSet<&str> = pods.iter().map(|pod| pod.namespace()).collect();
        let Some(first) = namespaces.first() else { continue };
        for (index, server) in gateway.spec.servers.iter().enumerate() {
            for (field, name) in credentials(server) {
                let path = format!("spec.servers[{index}].tls.{field}");
                let secrets: Vec<_> =
                    namespaces.iter().filter_map(|namespace| secret(world, namespace, name)).collect();
                let reasons: Vec<_> = secrets.iter().filter_map(|secret| fault(secret, world.now)).collect();
                if secrets.is_empty() {
                    findings.add(&NOT_FOUND, gateway, path, &[&"credential", &name]);
                } else if let (true, Some(reason)) = (reasons.len() == secrets.len(), reasons.first()) {
                    findings.add(&INVALID_CREDENTIAL, gateway, path, &[&name, first, reason]);
                }
            }
        }
    }
}

/// The credentials that a server names, with their fields. A credential of another store has a scheme.
fn credentials(server: &Server) -> Vec<(String, &str)> {
    let Some(tls) = &server.tls else { return Vec::new() };
    let several = tls.credential_names.iter().enumerate();
    let several = several.map(|(index, name)| (format!("credentialNames[{index}]"), name));
    let all = std::iter::once(("credentialName".to_owned(), &tls.credential_name)).chain(several);
    let local = all.map(|(field, name)| (field, name.strip_prefix("kubernetes://").unwrap_or(name)));
    local.filter(|(_, name)| !name.is_empty() && !name.contains("://")).collect()
}

fn secret<'a>(world: &'a World, namespace: &str, name: &str) -> Option<&'a Object<BTreeMap<String, Vec<u8>>>> {
    let (namespace, name) = name.split_once('/').unwrap_or((namespace, name));
    find(&world.secrets, namespace, name)
}

/// Why a Secret cannot be used.
fn fault(secret: &Object<BTreeMap<String, Vec<u8>>>, now: Option<i64>) -> Option<String> {
    let key = |name: &str| secret.spec.get(name).filter(|value| !value.is_empty());
    let pair = LAYOUTS.into_iter().find_map(|(certificate, private)| key(certificate).zip(key(private)));
    let Some((certificate, _)) = pair else {
        return Some("it has neither the keys tls.crt and tls.key nor the keys cert and key".to_owned());
    };
    let mut count = 0;
    for pem in Pem::iter_from_buffer(certificate) {
        let Ok(pem) = pem else { return Some("its certificate is not PEM".to_owned()) };
        let Ok(parsed) = pem.parse_x509() else { return Some("its certificate cannot be parsed".to_owned()) };
        let validity = parsed.validity();
        let is_outside = |now: i64| now < validity.not_before.timestamp() || validity.not_after.timestamp() < now;
        if now.is_some_and(is_outside) {
            return Some("its certificate has expired or is not valid yet".to_owned());
        }
        count += 1;
    }
    (count == 0).then(|| "its certificate is not PEM".to_owned())
}
