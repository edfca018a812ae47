//! Routes by claims of tokens.

use heddle_crds::networking::virtual_service::Spec;

use crate::finding::Findings;
use crate::label;
use crate::message::JWT_CLAIM_WITHOUT_AUTHENTICATION;
use crate::world::{World, find, within};

/// Begins the name of a header that stands for a claim.
const CLAIM: &str = "@request.auth.claims";

/// Finds routes that depend on a claim, at gateways whose pods read no token.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for service in &world.virtual_services {
        let Some((path, claim)) = claim(&service.spec) else { continue };
        for name in service.spec.gateways.iter().filter(|name| *name != "mesh") {
            let (namespace, short) = name.split_once('/').unwrap_or((service.namespace(), name));
            let Some(gateway) = find(&world.gateways, namespace, short) else { continue };
            let selected = world.pods.iter().filter(|pod| label::selects(&gateway.spec.selector, &pod.meta.labels));
            for pod in selected.filter(|pod| !reads_tokens(world, pod.namespace(), &pod.meta.labels)) {
                let full = gateway.identity.full_name();
                let arguments: [&dyn std::fmt::Display; 3] = [&claim, &pod.name(), &full];
                findings.add(&JWT_CLAIM_WITHOUT_AUTHENTICATION, service, path.clone(), &arguments);
            }
        }
    }
}

/// Whether a RequestAuthentication selects a pod.
fn reads_tokens(world: &World, namespace: &str, labels: &label::Labels) -> bool {
    let all = &world.request_authentications;
    let mut nearby = within(all, world.root_namespace()).iter().chain(within(all, namespace));
    nearby.any(|one| one.spec.selector.as_ref().is_none_or(|one| label::selects(&one.match_labels, labels)))
}

/// The first condition on a claim, with its path.
fn claim(spec: &Spec) -> Option<(String, &str)> {
    spec.http.iter().enumerate().find_map(|(rule, route)| {
        route.matches.iter().enumerate().find_map(|(number, condition)| {
            let fields = [("headers", &condition.headers), ("withoutHeaders", &condition.without_headers)];
            fields.into_iter().find_map(|(field, headers)| {
                let name = headers.keys().find(|name| name.starts_with(CLAIM))?;
                Some((format!("spec.http[{rule}].match[{number}].{field}"), name.as_str()))
            })
        })
    })
}
