//! What must hold of the resources of a proxy, whatever users wrote: every name leads to a resource, and Envoy does not
//! refuse a listener or a route configuration because two parts of it exclude each other.
//!
//! A violation is a fault of the compiler. The golden tests, the fuzzer and debug builds of heddled call the lint.

mod address;
mod chain;
mod domain;
mod reference;
mod violation;

pub use violation::Violation;

use heddle_model::issue::Issue;
use heddle_xds_api::envoy::config::listener::v3::Listener;
use heddle_xds_api::{ResourceSet, TypeSet, TypeUrl};

/// The types whose resources refer to others, or are referred to.
const LINKED: [TypeUrl; 5] =
    [TypeUrl::Cluster, TypeUrl::Endpoint, TypeUrl::Listener, TypeUrl::Route, TypeUrl::VirtualHost];

/// Finds the violations in the resources of a proxy. `issues` are those of its compilation: a cluster that an issue
/// reports as missing may be missing. A check that reads none of the types in `changed` is left out.
pub fn lint<'a>(set: &ResourceSet, changed: TypeSet, issues: impl IntoIterator<Item = &'a Issue>) -> Vec<Violation> {
    let is_due = |types: &[TypeUrl]| types.iter().any(|type_url| changed.contains(*type_url));
    let mut found = Vec::new();
    if is_due(&LINKED) {
        found.extend(reference::missing(set, issues));
        found.extend(reference::unused_endpoints(set));
    }
    if is_due(&[TypeUrl::Route, TypeUrl::VirtualHost]) {
        found.extend(domain::duplicates(set));
    }
    if is_due(&[TypeUrl::Listener]) {
        let listeners = listeners(set);
        found.extend(address::duplicates(&listeners));
        for listener in &listeners {
            found.extend(chain::overlap(listener));
            found.extend(domain::inline_duplicates(listener));
        }
    }
    found
}

fn listeners(set: &ResourceSet) -> Vec<Listener> {
    set.typed(TypeUrl::Listener).iter().filter_map(|resource| resource.decode().ok()).collect()
}

#[cfg(test)]
mod tests;
