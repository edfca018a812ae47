//! Subsets that nothing defines.

use heddle_crds::networking::destination::Destination;
use heddle_model::host::Host;

use super::destination;
use crate::finding::Findings;
use crate::message::NOT_FOUND;
use crate::registry::full_host;
use crate::world::World;

/// Finds destinations with a subset that no DestinationRule of their host defines.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for service in &world.virtual_services {
        for written in destination::all(&service.spec) {
            let destination = written.destination;
            if destination.subset.is_empty() || is_defined(world, service.namespace(), destination) {
                continue;
            }
            let what = if written.is_mirror { "subset of the mirror" } else { "subset" };
            let name = format!("{} of the host {}", destination.subset, destination.host);
            findings.add(&NOT_FOUND, service, format!("{}.subset", written.path), &[&what, &name]);
        }
    }
}

fn is_defined(world: &World, namespace: &str, destination: &Destination) -> bool {
    let host = full_host(world, &destination.host, namespace);
    world.destination_rules.iter().any(|rule| {
        rule.spec.subsets.iter().any(|subset| subset.name == destination.subset)
            && covers(&full_host(world, &rule.spec.host, rule.namespace()), &host)
    })
}

/// The host of a rule may be a wildcard.
fn covers(rule: &str, host: &str) -> bool {
    let parse = |text: &str| Host::parse(text).ok();
    rule == host || parse(rule).zip(parse(host)).is_some_and(|(rule, host)| rule.covers(&host))
}
