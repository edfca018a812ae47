//! What holds of everything that a proxy gets, whatever users wrote: the compiler's lint finds nothing, and nothing is
//! in it for which Envoy would reject the response that carries it.

use std::collections::BTreeSet;
use std::fmt::Debug;

use heddle_compile::lint;
use heddle_xds_api::envoy::config::{
    cluster::v3::Cluster,
    endpoint::v3::ClusterLoadAssignment,
    listener::v3::{FilterChain, Listener},
    route::v3::{Route, RouteConfiguration, VirtualHost, route, route_action::ClusterSpecifier},
};
use heddle_xds_api::{Resource, TypeSet, TypeUrl};
use prost::Message;

use crate::mesh::Seen;

/// Asserts all of it.
pub(crate) fn check(seen: &Seen) {
    assert_eq!(lint(&seen.set, TypeSet::ALL, &seen.issues), []);
    for type_url in TypeUrl::ALL {
        for resource in seen.set.typed(type_url).iter() {
            // The table of names is the one resource of its type.
            let is_named = !resource.name().is_empty() || type_url == TypeUrl::NameTable;
            assert!(is_named, "a resource of {type_url} has no name");
            match type_url {
                TypeUrl::Cluster => cluster(resource, &decode(resource)),
                TypeUrl::Endpoint => endpoints(resource, &decode(resource)),
                TypeUrl::Listener => listener(resource, &decode(resource)),
                TypeUrl::Route => routes(seen, resource, &decode(resource)),
                _ => {}
            }
        }
    }
}

fn decode<M: Message + Default>(resource: &Resource) -> M {
    let decoded = resource.decode();
    assert!(decoded.is_ok(), "{resource:?} does not decode");
    decoded.unwrap_or_default()
}

fn cluster(resource: &Resource, cluster: &Cluster) {
    assert_eq!(cluster.name, **resource.name());
    let timeout = cluster.connect_timeout.unwrap_or_default();
    assert!((timeout.seconds, timeout.nanos) > (0, 0), "{resource:?}: connect_timeout {timeout:?}");
    if let Some(load) = &cluster.load_assignment {
        endpoints(resource, load);
    }
}

fn endpoints(resource: &Resource, load: &ClusterLoadAssignment) {
    assert!(!load.cluster_name.is_empty(), "{resource:?}: no cluster name");
    let mut by_priority = std::collections::BTreeMap::new();
    for locality in &load.endpoints {
        assert!(locality.priority <= 128, "{resource:?}: priority {}", locality.priority);
        let sum: &mut u64 = by_priority.entry(locality.priority).or_default();
        *sum += u64::from(locality.load_balancing_weight.unwrap_or_default());
        let weights = locality.lb_endpoints.iter().map(|endpoint| endpoint.load_balancing_weight);
        let total: u64 = weights.clone().flatten().map(u64::from).sum();
        assert!(weights.clone().all(|weight| weight != Some(0)), "{resource:?}: an endpoint weighs nothing");
        assert!(u32::try_from(total).is_ok(), "{resource:?}: the endpoints' weights are {total}");
    }
    let places: Vec<u32> = by_priority.keys().copied().collect();
    assert!(
        places.iter().copied().eq(0..u32::try_from(places.len()).unwrap_or(0)),
        "{resource:?}: priorities {places:?}"
    );
    let heaviest = by_priority.values().max().copied().unwrap_or_default();
    assert!(u32::try_from(heaviest).is_ok(), "{resource:?}: localities weigh {heaviest}");
}

fn listener(resource: &Resource, listener: &Listener) {
    assert_eq!(listener.name, **resource.name());
    assert!(listener.address.is_some(), "{resource:?} has no address");
    let chains: Vec<&FilterChain> = listener.filter_chains.iter().chain(&listener.default_filter_chain).collect();
    assert!(!chains.is_empty(), "{resource:?} has no filter chain");
    assert!(chains.iter().all(|chain| !chain.filters.is_empty()), "{resource:?}: a chain without filters");
}

fn routes(seen: &Seen, resource: &Resource, routes: &RouteConfiguration) {
    assert_eq!(routes.name, **resource.name());
    let members = seen.set.typed(TypeUrl::VirtualHost);
    let members = members.members(resource.name()).map(|member| decode(member)).collect::<Vec<VirtualHost>>();
    assert!(members.is_empty() || routes.vhds.is_some(), "{resource:?} does not ask for its virtual hosts");
    let hosts: Vec<&VirtualHost> = routes.virtual_hosts.iter().chain(&members).collect();
    unique(resource, "virtual host", hosts.iter().map(|host| &host.name));
    for host in hosts {
        assert!(!host.name.is_empty() && !host.domains.is_empty(), "{resource:?}: {:?} {:?}", host.name, host.domains);
        for domain in &host.domains {
            assert!(!domain.is_empty() && !domain.chars().any(char::is_control), "{resource:?}: domain {domain:?}");
        }
        host.routes.iter().for_each(|one| route(resource, one));
    }
}

fn route(resource: &Resource, route: &Route) {
    let condition = route.r#match.as_ref();
    assert!(condition.is_some_and(|one| one.path_specifier.is_some()), "{resource:?}: a route matches no path");
    assert!(route.action.is_some(), "{resource:?}: a route without an action");
    let Some(route::Action::Route(action)) = &route.action else { return };
    if let Some(ClusterSpecifier::WeightedClusters(weighted)) = &action.cluster_specifier {
        let sum: u64 = weighted.clusters.iter().map(|one| u64::from(one.weight.unwrap_or_default())).sum();
        assert!((1..=u64::from(u32::MAX)).contains(&sum), "{resource:?}: the clusters' weights are {sum}");
    }
    assert!(action.cluster_specifier.is_some(), "{resource:?}: a route leads to no cluster");
}

fn unique<T: Ord + Debug>(resource: &Resource, what: &str, all: impl IntoIterator<Item = T>) {
    let mut seen = BTreeSet::new();
    for one in all {
        assert!(!seen.contains(&one), "{resource:?}: twice the {what} {one:?}");
        seen.insert(one);
    }
}
