//! Which types a change can touch. One table for all: what is not here is not compiled again.

use std::sync::Arc;

use heddle_model::{diff::Changes, host::Host, proxy::Proxy, snapshot::Snapshot};
use heddle_xds_api::{TypeSet, TypeUrl};

use crate::view;

use TypeUrl::{Cluster, Endpoint, Listener, NameTable, Route, Secret, VirtualHost};

/// The types that may differ for some proxy after these changes. Never too few; the comparison by version finds the rest.
#[must_use]
pub fn impact(changes: &Changes) -> TypeSet {
    let rows: [(bool, &[TypeUrl]); 12] = [
        (changes.mesh, &[Cluster, Endpoint, Listener, Route, Secret, NameTable]),
        (changes.namespaces, &[]),
        (!changes.services.is_empty(), &[Cluster, Endpoint, Listener, Route, NameTable]),
        // Listeners: headless services have one a pod. Clusters: names resolved by Envoy carry their endpoints, and
        // mutual TLS names the accounts that run behind a service. Names: those of headless services are their pods'.
        (!changes.endpoints.is_empty(), &[Cluster, Endpoint, Listener, NameTable]),
        (changes.workloads, &[Cluster, Endpoint, Listener]),
        (changes.routes, &[Route]),
        // Clusters: destinations of an imported route are imported with it.
        (changes.route_reach, &[Cluster, Endpoint, Listener, Route, NameTable]),
        // Routes: hash policies and subsets. Listeners: subsets of TCP routes.
        (changes.destinations, &[Cluster, Endpoint, Listener, Route]),
        (changes.gateways, &[Cluster, Listener, Route]),
        (changes.sidecars, &[Cluster, Endpoint, Listener, Route, NameTable]),
        (changes.peer_authentications, &[Cluster, Endpoint, Listener]),
        // Clusters: TLS of a rule whose secret is missing sends nothing.
        (changes.secrets, &[Cluster, Listener, Secret]),
    ];
    let types: TypeSet =
        rows.iter().filter(|(changed, _)| *changed).flat_map(|(_, types)| types.iter().copied()).collect();
    // Which virtual hosts a route configuration holds itself is a matter of both.
    if types.contains(Route) { types.with(VirtualHost) } else { types }
}

/// The types of a proxy's own that may differ after these changes: its inbound side and its secrets. `targets` are the
/// hosts of the services that it stood behind.
#[must_use]
pub fn own_impact(changes: &Changes, old: &Snapshot, new: &Snapshot, proxy: &Proxy, targets: &[Host]) -> TypeSet {
    let own_service = proxy.addresses.iter().any(|address| changes.backends.contains(address));
    let same_workload = !changes.workloads
        || match (view::workload(old, proxy), view::workload(new, proxy)) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
    let own_rule = changes.rules.iter().any(|rule| targets.iter().any(|host| rule.covers(host)));
    let own = own_service || own_rule || !same_workload;
    let inbound = own || changes.mesh || changes.gateways || changes.sidecars || changes.peer_authentications;
    let types: TypeSet = if inbound { [Cluster, Endpoint, Listener].into_iter().collect() } else { TypeSet::EMPTY };
    if changes.mesh || changes.gateways || changes.secrets {
        return types.with(Cluster).with(Listener).with(Secret);
    }
    types
}
