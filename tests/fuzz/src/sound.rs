//! What holds of everything that a proxy gets, whatever users wrote: no name leads nowhere, and nothing is in it for
//! which Envoy would reject the response that carries it.

use std::collections::BTreeSet;
use std::fmt::Debug;

use heddle_xds_api::envoy::config::{
    cluster::v3::Cluster,
    endpoint::v3::ClusterLoadAssignment,
    listener::v3::{FilterChain, Listener},
    route::v3::{Route, RouteConfiguration, VirtualHost, route, route_action::ClusterSpecifier},
};
use heddle_xds_api::{Resource, TypeUrl};
use prost::Message;

use crate::mesh::Seen;

/// Why a route may name a cluster that does not exist: the user named what does not exist, and was told.
const TOLD: [&str; 2] = ["UnknownHost", "UnknownPort"];

/// Asserts all of it.
pub(crate) fn check(seen: &Seen) {
    let told = seen.issues.iter().any(|issue| TOLD.contains(&issue.reason));
    for type_url in TypeUrl::ALL {
        for resource in seen.set.typed(type_url).iter() {
            assert!(!resource.name().is_empty(), "a resource of {type_url} has no name");
            for needed in resource.references() {
                let exists = match needed.type_url {
                    // Its virtual hosts, of which there must be one: else Envoy waits for the first for ever.
                    TypeUrl::VirtualHost => seen.set.typed(TypeUrl::VirtualHost).members(&needed.name).next().is_some(),
                    type_url => seen.set.get(type_url, &needed.name).is_some(),
                };
                let excused = told && needed.type_url == TypeUrl::Cluster;
                assert!(
                    exists || excused,
                    "{resource:?} needs {} of {}, which is not there",
                    needed.name,
                    needed.type_url
                );
            }
            match type_url {
                TypeUrl::Cluster => cluster(resource, &decode(resource)),
                TypeUrl::Endpoint => endpoints(resource, &decode(resource)),
                TypeUrl::Listener => listener(resource, &decode(resource)),
                TypeUrl::Route => routes(seen, resource, &decode(resource)),
                _ => {}
            }
        }
    }
    distinct_addresses(seen);
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
    let chains: Vec<&FilterChain> = listener.filter_chains.iter().collect();
    assert!(!chains.is_empty() || listener.default_filter_chain.is_some(), "{resource:?} has no filter chain");
    let matches = chains.iter().map(|chain| chain.filter_chain_match.clone().unwrap_or_default().encode_to_vec());
    unique(resource, "filter chain's match", matches);
    for chain in chains.into_iter().chain(&listener.default_filter_chain) {
        assert!(!chain.filters.is_empty(), "{resource:?}: a chain without filters");
    }
}

fn routes(seen: &Seen, resource: &Resource, routes: &RouteConfiguration) {
    assert_eq!(routes.name, **resource.name());
    let members = seen.set.typed(TypeUrl::VirtualHost);
    let members = members.members(resource.name()).map(|member| decode(member)).collect::<Vec<VirtualHost>>();
    assert!(members.is_empty() || routes.vhds.is_some(), "{resource:?} does not ask for its virtual hosts");
    let hosts: Vec<&VirtualHost> = routes.virtual_hosts.iter().chain(&members).collect();
    unique(resource, "virtual host", hosts.iter().map(|host| &host.name));
    unique(resource, "domain", hosts.iter().flat_map(|host| &host.domains).map(|domain| domain.to_lowercase()));
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

/// Two listeners that bind one address share its connections, without an error.
fn distinct_addresses(seen: &Seen) {
    let mut taken = BTreeSet::new();
    for resource in seen.set.typed(TypeUrl::Listener).iter() {
        let listener: Listener = decode(resource);
        let address = listener.address.unwrap_or_default().encode_to_vec();
        if listener.bind_to_port != Some(false) {
            assert!(taken.insert(address), "{resource:?} binds an address that another listener binds");
        }
    }
}

fn unique<T: Ord + Debug>(resource: &Resource, what: &str, all: impl IntoIterator<Item = T>) {
    let mut seen = BTreeSet::new();
    for one in all {
        assert!(!seen.contains(&one), "{resource:?}: twice the {what} {one:?}");
        seen.insert(one);
    }
}
