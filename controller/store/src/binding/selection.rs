//! Which workloads each selector selects.

use heddle_model::{
    labels::Labels,
    object::{Kind, Origin},
    snapshot::Snapshot,
};

use super::{ByNamespace, Extent, Selected};

/// The workloads of each object with a selector.
pub(super) fn selected(snapshot: &Snapshot, workloads: &ByNamespace<'_>, extent: &Extent<'_>) -> Selected {
    let mut selected = Selected::new();
    let selectors = selectors(snapshot).filter(|(origin, _)| extent.selects(&origin.object));
    for (origin, selector) in selectors.filter(|(_, selector)| !selector.is_empty()) {
        let of_namespace = workloads.of(origin.namespace()).iter().filter(|one| selector.select(&one.labels));
        selected.entry(origin.object.clone()).or_default().extend(of_namespace.map(|one| (*one).clone()));
    }
    // An AuthorizationPolicy of the root namespace selects workloads of all namespaces.
    for policy in snapshot.authorization_policies.values().flat_map(|list| list.iter()) {
        let Some(selector) = &policy.selector else { continue };
        let is_root = *policy.origin.namespace() == snapshot.mesh.root_namespace;
        let of_namespace = workloads.of(policy.origin.namespace()).iter();
        let chosen: Vec<_> = if is_root {
            workloads.all().filter(|one| selector.select(&one.labels)).cloned().collect()
        } else {
            of_namespace.filter(|one| selector.select(&one.labels)).map(|one| (*one).clone()).collect()
        };
        selected.entry(policy.origin.object.clone()).or_default().extend(chosen);
    }
    // A Gateway selects proxies of all namespaces.
    for gateway in snapshot.gateways.iter().filter(|gateway| gateway.origin.object.kind == Kind::Gateway) {
        if extent.selects(&gateway.origin.object) && !gateway.selector.is_empty() && gateway.services.is_empty() {
            let chosen = workloads.all().filter(|one| gateway.selector.select(&one.labels)).cloned();
            selected.insert(gateway.origin.object.clone(), chosen.collect());
        }
    }
    selected
}

/// The selectors that apply in the namespace of their object.
fn selectors(snapshot: &Snapshot) -> impl Iterator<Item = (&Origin, &Labels)> {
    let policies = snapshot.peer_authentications.values().flat_map(|list| list.iter());
    let policies = policies.filter_map(|one| Some((&one.origin, one.selector.as_ref()?)));
    let sidecars = snapshot.sidecars.iter().filter_map(|one| Some((&one.origin, one.selector.as_ref()?)));
    let settings = snapshot.proxy_settings.iter().filter_map(|one| Some((&one.origin, one.selector.as_ref()?)));
    let rules = snapshot.destination_rules.values().flat_map(|list| list.iter());
    let rules = rules.filter_map(|one| Some((&one.origin, one.selector.as_ref()?)));
    let entries = snapshot.services.iter().filter(|one| one.origin.object.kind == Kind::ServiceEntry);
    let entries = entries.map(|one| (&one.origin, &one.selector));
    policies.chain(sidecars).chain(settings).chain(rules).chain(entries)
}
