//! Which types a change can touch. One table for all: what is not here is not compiled again.

use heddle_model::diff::Changes;
use heddle_xds_api::{TypeSet, TypeUrl};

use TypeUrl::{Cluster, Endpoint, Listener, Route, Secret, VirtualHost};

/// The types that may differ for some proxy after these changes. Never too few; the comparison by version finds the rest.
#[must_use]
pub fn impact(changes: &Changes) -> TypeSet {
    let rows: [(bool, &[TypeUrl]); 12] = [
        (changes.mesh, &[Cluster, Endpoint, Listener, Route, Secret]),
        (changes.namespaces, &[]),
        (!changes.services.is_empty(), &[Cluster, Endpoint, Listener, Route]),
        // Listeners: headless services have one a pod. Clusters: names resolved by Envoy carry their endpoints, and
        // mutual TLS names the accounts that run behind a service.
        (!changes.endpoints.is_empty(), &[Cluster, Endpoint, Listener]),
        (changes.workloads, &[Cluster, Endpoint, Listener]),
        (changes.routes, &[Route]),
        // Clusters: destinations of an imported route are imported with it.
        (changes.route_reach, &[Cluster, Endpoint, Listener, Route]),
        // Routes: hash policies and subsets. Listeners: subsets of TCP routes.
        (changes.destinations, &[Cluster, Endpoint, Listener, Route]),
        (changes.gateways, &[Cluster, Listener, Route]),
        (changes.sidecars, &[Cluster, Endpoint, Listener, Route]),
        (changes.peer_authentications, &[Cluster, Endpoint, Listener]),
        // Clusters: TLS of a rule whose secret is missing sends nothing.
        (changes.secrets, &[Cluster, Listener, Secret]),
    ];
    let types: TypeSet =
        rows.iter().filter(|(changed, _)| *changed).flat_map(|(_, types)| types.iter().copied()).collect();
    // Which virtual hosts a route configuration holds itself is a matter of both.
    if types.contains(Route) { types.with(VirtualHost) } else { types }
}
