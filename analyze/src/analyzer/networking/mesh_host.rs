//! VirtualServices that compete for the hosts of sidecars.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use heddle_crds::networking::virtual_service::Spec;
use heddle_model::host::Host;

use crate::finding::Findings;
use crate::message::CONFLICTING_MESH_HOSTS;
use crate::object::Object;
use crate::registry::{EVERYWHERE, full_host, scopes};
use crate::world::World;

/// A VirtualService, and the index of the host.
type Claim<'a> = (&'a Object<Spec>, usize);

/// Finds VirtualServices that route the same host for the same sidecars. Each is told once.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let mut claims: BTreeMap<(String, String), Vec<Claim<'_>>> = BTreeMap::new();
    for service in world.virtual_services.iter().filter(|service| is_for_sidecars(&service.spec)) {
        for scope in scopes(&service.spec.export_to, service.namespace()) {
            for (index, host) in service.spec.hosts.iter().enumerate() {
                let host = full_host(world, host, service.namespace());
                claims.entry((scope.clone(), host)).or_default().push((service, index));
            }
        }
    }
    let mut told = BTreeSet::new();
    for ((scope, host), near) in &claims {
        let mut all = near.clone();
        if scope != EVERYWHERE {
            all.extend(seen_everywhere(&claims, host));
        }
        let names: BTreeSet<String> = all.iter().map(|(service, _)| service.identity.full_name()).collect();
        if names.len() < 2 {
            continue;
        }
        let names = names.into_iter().collect::<Vec<_>>().join(",");
        for (service, index) in all {
            if told.insert(Arc::as_ptr(&service.identity)) {
                findings.add(&CONFLICTING_MESH_HOSTS, service, format!("spec.hosts[{index}]"), &[&names, host]);
            }
        }
    }
}

fn is_for_sidecars(spec: &Spec) -> bool {
    spec.gateways.is_empty() || spec.gateways.iter().any(|gateway| gateway == "mesh")
}

/// The claims of all namespaces on hosts that share a name with `host`.
fn seen_everywhere<'a>(claims: &BTreeMap<(String, String), Vec<Claim<'a>>>, host: &str) -> Vec<Claim<'a>> {
    let shares = |other: &str| {
        let parse = |text: &str| Host::parse(text).ok();
        host == other || parse(host).zip(parse(other)).is_some_and(|(one, other)| one.overlaps(&other))
    };
    let everywhere = claims.iter().filter(|((scope, other), _)| scope == EVERYWHERE && shares(other));
    everywhere.flat_map(|(_, claims)| claims.iter().copied()).collect()
}
