//! Control planes that fetch keys from any address.

use crate::finding::Findings;
use crate::label::Labels;
use crate::message::JWKS_UNRESTRICTED;
use crate::world::World;

/// The setting of istiod that restricts the addresses.
const SETTING: &str = "BLOCKED_CIDRS_IN_JWKS_URIS";
/// How many names a finding has.
const MOST_NAMES: usize = 5;

/// Finds deployments of istiod without a list of blocked networks, if there are RequestAuthentications.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let count = world.request_authentications.len();
    if count == 0 {
        return;
    }
    let names = world.request_authentications.iter().take(MOST_NAMES).map(|one| one.identity.full_name());
    let mut names: Vec<String> = names.collect();
    if count > MOST_NAMES {
        names.push(format!("and {} more", count - MOST_NAMES));
    }
    let names = names.join(", ");
    // Heddle fetches no keys.
    let is_istiod = |labels: &Labels| {
        let is = |name: &str, value: &str| labels.get(name).is_some_and(|found| found == value);
        is("app", "istiod") && !is("app.kubernetes.io/part-of", "heddle")
    };
    for deployment in world.deployments.iter().filter(|deployment| is_istiod(&deployment.meta.labels)) {
        let containers = deployment.spec.template.spec.iter().flat_map(|pod| &pod.containers);
        let mut variables = containers.flat_map(|container| container.env.iter().flatten());
        let is_set = variables.any(|variable| {
            variable.name == SETTING && variable.value.as_deref().is_some_and(|value| !value.is_empty())
        });
        if !is_set {
            findings.add(&JWKS_UNRESTRICTED, deployment, "spec.template.spec.containers", &[&count, &names]);
        }
    }
}
