//! Resources with one wrong value each, and what is sent of them.

use heddle_xds_api::TypeUrl;
use heddle_xds_api::envoy::config::{
    core::v3::{Address, HeaderValue, HeaderValueOption, SocketAddress, address, socket_address},
    endpoint::v3::{Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint},
    listener::v3::{FilterChain, FilterChainMatch},
    route::v3::{RouteMatch, route_match},
};

use super::*;
use crate::{compiled::Compiled, entry::Entry};

fn object(kind: Kind, name: &str) -> Arc<ObjectRef> {
    Arc::new(ObjectRef::new(kind, "shop", name))
}

/// A route of a VirtualService that sets a header.
fn route(of: &str, header: &str) -> Route {
    let path_specifier = Some(route_match::PathSpecifier::Prefix(format!("/{of}")));
    let header = Some(HeaderValue { key: "x".into(), value: header.into(), ..HeaderValue::default() });
    let action = DirectResponseAction { status: 200, ..DirectResponseAction::default() };
    Route {
        r#match: Some(RouteMatch { path_specifier, ..RouteMatch::default() }),
        metadata: Some(metadata::config("virtual-service", &object(Kind::VirtualService, of))),
        response_headers_to_add: vec![HeaderValueOption { header, ..HeaderValueOption::default() }],
        action: Some(Action::DirectResponse(action)),
        ..Route::default()
    }
}

fn virtual_host(name: &str, routes: Vec<Route>) -> VirtualHost {
    VirtualHost { name: name.into(), domains: vec![name.into()], routes, ..VirtualHost::default() }
}

fn entry<M: Partial>(type_url: TypeUrl, value: M, sources: Vec<Arc<ObjectRef>>) -> Entry {
    Entry::new(type_url, "r".into(), Compiled { sources, ..Compiled::new(value) })
}

fn issues(entry: &Entry) -> Vec<String> {
    entry.issues.iter().map(ToString::to_string).collect()
}

#[test]
fn a_route_answers_500_and_its_object_is_named() {
    let of = |name| object(Kind::VirtualService, name);
    let routes = vec![route("a", "1"), route("b", "2\n"), route("c", "3")];
    let config = RouteConfiguration { virtual_hosts: vec![virtual_host("h", routes)], ..Default::default() };
    let entry = entry(TypeUrl::Route, config, vec![of("a"), of("b"), of("c")]);
    let sent: RouteConfiguration = entry.resource.decode().unwrap();
    let statuses: Vec<u32> = sent.virtual_hosts[0]
        .routes
        .iter()
        .map(|route| if let Some(Action::DirectResponse(with)) = &route.action { with.status } else { 0 })
        .collect();
    assert_eq!((entry.is_sent, statuses), (true, vec![200, 500, 200]));
    let path = "virtual_hosts[0].routes[1].response_headers_to_add[0].header.value";
    let want = "Envoy would refuse rds r: {} holds NUL or a line break; requests to this route get 500";
    assert_eq!(issues(&entry), [format!("VirtualService shop/b: {}", want.replace("{}", path))]);
}

#[test]
fn a_route_whose_match_is_wrong_is_left_out() {
    let mut wrong = route("a", "1");
    wrong.r#match = Some(RouteMatch { path_specifier: None, ..RouteMatch::default() });
    let entry = entry(TypeUrl::VirtualHost, virtual_host("h", vec![wrong, route("b", "2")]), Vec::new());
    assert_eq!(entry.resource.decode::<VirtualHost>().unwrap().routes, [route("b", "2")]);
    assert!(issues(&entry)[0].contains("; the route is left out; it comes from"), "{:?}", issues(&entry));
}

#[test]
fn a_virtual_host_is_left_out_alone() {
    let virtual_hosts = vec![virtual_host("", vec![]), virtual_host("h", vec![route("a", "1")])];
    let entry = entry(TypeUrl::Route, RouteConfiguration { virtual_hosts, ..Default::default() }, Vec::new());
    let sent: RouteConfiguration = entry.resource.decode().unwrap();
    assert_eq!(sent.virtual_hosts.iter().map(|host| &*host.name).collect::<Vec<_>>(), ["h"]);
}

fn listener(direction: TrafficDirection, names: [&str; 2]) -> Listener {
    let chain = |name: &str| {
        let asks = FilterChainMatch { server_names: vec![name.into()], ..FilterChainMatch::default() };
        FilterChain { filter_chain_match: Some(asks), ..FilterChain::default() }
    };
    let filter_chains = names.map(chain).to_vec();
    Listener { name: "l".into(), traffic_direction: direction.into(), filter_chains, ..Listener::default() }
}

#[test]
fn a_filter_chain_is_left_out_of_an_outbound_listener_only() {
    let of = |direction, names| entry(TypeUrl::Listener, listener(direction, names), vec![object(Kind::Gateway, "g")]);
    let outbound = of(TrafficDirection::Outbound, ["*a", "b"]);
    assert_eq!((outbound.is_sent, outbound.issues.len()), (true, 1));
    assert_eq!(outbound.resource.decode::<Listener>().unwrap().filter_chains.len(), 1);
    let inbound = of(TrafficDirection::Inbound, ["*a", "b"]);
    assert!(!inbound.is_sent && issues(&inbound)[0].ends_with("; it is not sent"), "{:?}", issues(&inbound));
    let nothing = of(TrafficDirection::Outbound, ["*a", "*b"]);
    assert_eq!((nothing.is_sent, nothing.issues.len()), (false, 2));
}

#[test]
fn a_cluster_has_no_endpoints_then() {
    let sources = vec![object(Kind::Service, "s"), object(Kind::DestinationRule, "d")];
    let wrong = entry(TypeUrl::Cluster, Cluster { name: "r".into(), lb_policy: 99, ..Cluster::default() }, sources);
    let sent: Cluster = wrong.resource.decode().unwrap();
    assert_eq!((wrong.is_sent, sent.lb_policy, wrong.issues.len()), (true, 0, 2));
    let nameless = entry(TypeUrl::Cluster, Cluster::default(), Vec::new());
    assert_eq!((nameless.is_sent, &*nameless.issues[0].object.name), (false, "mesh"));
    assert!(issues(&nameless)[0].ends_with("; it comes from defaults, not from an object"), "{:?}", issues(&nameless));
}

#[test]
fn an_endpoint_is_left_out_alone() {
    let endpoint = |port| {
        let port_specifier = Some(socket_address::PortSpecifier::PortValue(port));
        let socket = SocketAddress { address: "10.0.0.1".into(), port_specifier, ..SocketAddress::default() };
        let address = Some(Address { address: Some(address::Address::SocketAddress(socket)) });
        let endpoint = Endpoint { address, ..Endpoint::default() };
        LbEndpoint { host_identifier: Some(lb_endpoint::HostIdentifier::Endpoint(endpoint)), ..LbEndpoint::default() }
    };
    let lb_endpoints = vec![endpoint(80), endpoint(70_000), endpoint(81)];
    let endpoints = vec![LocalityLbEndpoints { lb_endpoints, ..LocalityLbEndpoints::default() }];
    let load = ClusterLoadAssignment { cluster_name: "c".into(), endpoints, ..ClusterLoadAssignment::default() };
    let entry = entry(TypeUrl::Endpoint, load, Vec::new());
    let sent: ClusterLoadAssignment = entry.resource.decode().unwrap();
    assert_eq!(sent.endpoints[0].lb_endpoints, [endpoint(80), endpoint(81)]);
}
