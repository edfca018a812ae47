//! Each violation in a small set made by hand, and the same set without it.

use std::sync::Arc;

use heddle_model::{
    issue::Issue,
    object::{Kind, ObjectRef},
};
use heddle_xds_api::envoy::config::{
    cluster::v3::{Cluster, cluster},
    core::v3::{Address, CidrRange, Pipe, SocketAddress, address, socket_address},
    endpoint::v3::ClusterLoadAssignment,
    listener::v3::{AdditionalAddress, Filter, FilterChain, FilterChainMatch, Listener, filter},
    route::v3::{Route, RouteAction, RouteConfiguration, Vhds, VirtualHost, route, route_action},
};
use heddle_xds_api::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, http_connection_manager::RouteSpecifier,
};
use heddle_xds_api::{Layer, Resource, ResourceSet, TypeSet, TypeUrl, any};

use super::lint;

/// The violations of a set, as text.
fn found(resources: &[Resource], issues: &[Issue]) -> Vec<String> {
    let mut layer = Layer::default();
    for type_url in TypeUrl::ALL {
        let of_type = resources.iter().filter(|resource| resource.type_url() == type_url);
        layer = layer.with(type_url, of_type.cloned().map(Arc::new));
    }
    let set = ResourceSet { shared: Arc::new(layer), own: Arc::default() };
    lint(&set, TypeSet::ALL, issues).iter().map(ToString::to_string).collect()
}

fn eds_cluster(name: &str) -> Resource {
    let eds = cluster::ClusterDiscoveryType::Type(cluster::DiscoveryType::Eds as i32);
    let cluster = Cluster { name: name.to_owned(), cluster_discovery_type: Some(eds), ..Cluster::default() };
    Resource::new(TypeUrl::Cluster, name, &cluster)
}

fn endpoints(name: &str) -> Resource {
    let load = ClusterLoadAssignment { cluster_name: name.to_owned(), ..ClusterLoadAssignment::default() };
    Resource::new(TypeUrl::Endpoint, name, &load)
}

fn virtual_host(name: &str, domains: &[&str], cluster: &str) -> VirtualHost {
    let cluster_specifier = Some(route_action::ClusterSpecifier::Cluster(cluster.to_owned()));
    let action = route::Action::Route(RouteAction { cluster_specifier, ..RouteAction::default() });
    VirtualHost {
        name: name.to_owned(),
        domains: domains.iter().map(ToString::to_string).collect(),
        routes: vec![Route { action: Some(action), ..Route::default() }],
        ..VirtualHost::default()
    }
}

fn routes(name: &str, virtual_hosts: Vec<VirtualHost>, has_vhds: bool) -> RouteConfiguration {
    let vhds = has_vhds.then(Vhds::default);
    RouteConfiguration { name: name.to_owned(), virtual_hosts, vhds, ..RouteConfiguration::default() }
}

fn route_resource(routes: &RouteConfiguration) -> Resource {
    Resource::new(TypeUrl::Route, routes.name.as_str(), routes)
}

fn member(name: &str, domains: &[&str]) -> Resource {
    Resource::new(TypeUrl::VirtualHost, name, &virtual_host(name, domains, ""))
}

fn socket(ip: &str, port: u32) -> Address {
    let port = Some(socket_address::PortSpecifier::PortValue(port));
    let socket = SocketAddress { address: ip.to_owned(), port_specifier: port, ..SocketAddress::default() };
    Address { address: Some(address::Address::SocketAddress(socket)) }
}

fn pipe(path: &str) -> Address {
    let pipe = Pipe { path: path.to_owned(), ..Pipe::default() };
    Address { address: Some(address::Address::Pipe(pipe)) }
}

fn listener(name: &str, address: Address) -> Listener {
    Listener { name: name.to_owned(), address: Some(address), ..Listener::default() }
}

fn addresses(listeners: &[Listener]) -> Vec<String> {
    let resource = |one: &Listener| Resource::new(TypeUrl::Listener, one.name.as_str(), one);
    found(&listeners.iter().map(resource).collect::<Vec<_>>(), &[])
}

fn chains(matches: Vec<FilterChainMatch>) -> Vec<String> {
    let chain = |asks| FilterChain { filter_chain_match: Some(asks), ..FilterChain::default() };
    let filter_chains = matches.into_iter().map(chain).collect();
    addresses(&[Listener { filter_chains, ..listener("l", socket("10.0.0.1", 80)) }])
}

fn manager(specifier: RouteSpecifier) -> Listener {
    let manager = HttpConnectionManager { route_specifier: Some(specifier), ..HttpConnectionManager::default() };
    let config = Some(filter::ConfigType::TypedConfig(any(&manager)));
    let chain =
        FilterChain { filters: vec![Filter { config_type: config, ..Filter::default() }], ..FilterChain::default() };
    Listener { default_filter_chain: Some(chain), ..listener("l", socket("10.0.0.1", 80)) }
}

fn server_names(names: &[&str]) -> FilterChainMatch {
    let server_names = names.iter().map(ToString::to_string).collect();
    FilterChainMatch { server_names, ..FilterChainMatch::default() }
}

fn prefixes(ranges: &[(&str, u32)]) -> FilterChainMatch {
    let range = |(ip, length): &(&str, u32)| CidrRange { address_prefix: (*ip).to_owned(), prefix_len: Some(*length) };
    FilterChainMatch { prefix_ranges: ranges.iter().map(range).collect(), ..FilterChainMatch::default() }
}

#[test]
fn an_eds_cluster_has_endpoints_and_endpoints_have_a_cluster() {
    assert_eq!(found(&[eds_cluster("a"), endpoints("a")], &[]), [""; 0]);
    assert_eq!(
        found(&[eds_cluster("a"), endpoints("b")], &[]),
        ["cds a refers to eds a, which does not exist", "eds b is used by no cluster"]
    );
}

#[test]
fn a_routes_cluster_exists_or_an_issue_names_its_host() {
    let sends_to = |cluster| [route_resource(&routes("80", vec![virtual_host("v", &["v"], cluster)], false))];
    let cluster = "outbound|80||web.shop";
    let wrong = ["rds 80 refers to cds outbound|80||web.shop, which does not exist"];
    assert_eq!(found(&sends_to(cluster), &[]), wrong);
    let object = Arc::new(ObjectRef::new(Kind::VirtualService, "shop", "web"));
    let issue = |reason, message: &str| [Issue::error(&object, "", reason, message)];
    let named = issue("UnknownHost", "no service web.shop.svc.cluster.local is visible here");
    assert_eq!(found(&sends_to(cluster), &named), [""; 0]);
    assert_eq!(found(&sends_to(cluster), &issue("UnknownPort", "service web.shop has no port 80")), [""; 0]);
    assert_eq!(found(&sends_to(cluster), &issue("UnknownHost", "no service web.shopping is visible here")), wrong);
    assert_eq!(found(&sends_to(cluster), &issue("UnknownSubset", "no DestinationRule of web.shop defines v")), wrong);
}

#[test]
fn a_listeners_routes_exist() {
    let rds = |name: &str| {
        let rds = heddle_xds_api::envoy::extensions::filters::network::http_connection_manager::v3::Rds {
            route_config_name: name.to_owned(),
            ..Default::default()
        };
        manager(RouteSpecifier::Rds(rds))
    };
    let all = |name| [Resource::new(TypeUrl::Listener, "l", &rds(name)), route_resource(&routes("80", vec![], false))];
    assert_eq!(found(&all("80"), &[]), [""; 0]);
    assert_eq!(found(&all("81"), &[]), ["lds l refers to rds 81, which does not exist"]);
}

#[test]
fn a_route_configuration_has_a_domain_once() {
    let hosts = || vec![virtual_host("a", &["a.test", "b.test"], ""), virtual_host("b", &["B.test"], "")];
    assert_eq!(found(&[route_resource(&routes("80", hosts(), false))], &[]), ["rds 80 has the domain b.test twice"]);
    let inline = manager(RouteSpecifier::RouteConfig(routes("inline", hosts(), false)));
    assert_eq!(addresses(&[inline]), ["rds inline has the domain b.test twice"]);
    let other = route_resource(&routes("81", vec![virtual_host("a", &["a.test"], "")], false));
    assert_eq!(found(&[route_resource(&routes("80", hosts()[..1].to_vec(), false)), other], &[]), [""; 0]);
}

#[test]
fn virtual_hosts_of_vhds_count_too() {
    let asking = route_resource(&routes("80", vec![virtual_host("rest", &["*"], "")], true));
    assert_eq!(found(&[asking.clone(), member("80/a", &["a.test"]), member("81/a", &["a.test"])], &[]), [""; 0]);
    assert_eq!(found(&[asking.clone(), member("80/a", &["*"])], &[]), ["rds 80 has the domain * twice"]);
    assert_eq!(found(&[asking], &[]), ["rds 80 refers to vhds 80, which does not exist"]);
}

#[test]
fn two_spellings_of_an_ip_address_are_one() {
    let pair = |one, other| addresses(&[listener("a", one), listener("b", other)]);
    let same = ["lds a and lds b have the same address ::1 port 80"];
    assert_eq!(pair(socket("::1", 80), socket("0:0::1", 80)), same);
    assert_eq!(pair(socket("::1", 80), socket("::1", 81)), [""; 0]);
    assert_eq!(pair(socket("::", 80), socket("0.0.0.0", 80)), [""; 0]);
    assert_eq!(pair(pipe("/a"), pipe("/a")), ["lds a and lds b have the same address /a"]);
    assert_eq!(pair(pipe("/a"), pipe("/b")), [""; 0]);
}

#[test]
fn an_address_counts_where_it_is_additional_or_not_bound() {
    let one = Listener { bind_to_port: Some(false), ..listener("a", socket("10.0.0.1", 80)) };
    let additional = vec![AdditionalAddress { address: Some(socket("10.0.0.1", 80)), ..AdditionalAddress::default() }];
    let other = Listener { additional_addresses: additional, ..listener("b", socket("10.0.0.2", 80)) };
    assert_eq!(addresses(&[one, other]), ["lds a and lds b have the same address 10.0.0.1 port 80"]);
    let any_port = |name| listener(name, socket("127.0.0.1", 0));
    assert_eq!(addresses(&[any_port("a"), any_port("b")]), [""; 0]);
}

#[test]
fn filter_chains_overlap_where_all_criteria_do() {
    let overlap = |one, other| [format!("lds l has filter chains that overlap: {one} and {other}")];
    assert_eq!(chains(vec![FilterChainMatch::default(), FilterChainMatch::default()]), overlap(0, 1));
    assert_eq!(chains(vec![FilterChainMatch::default(), server_names(&["a"]), server_names(&["b"])]), [""; 0]);
    assert_eq!(chains(vec![server_names(&["a", "b"]), server_names(&["c", "B"])]), overlap(0, 1));
    assert_eq!(chains(vec![server_names(&["*.a"]), server_names(&["*.b", "*.a"])]), overlap(0, 1));
    assert_eq!(chains(vec![server_names(&["b"]), server_names(&["a", "a"])]), overlap(1, 1));
    let with_port = FilterChainMatch { destination_port: Some(80), ..server_names(&["a"]) };
    assert_eq!(chains(vec![server_names(&["a"]), with_port]), [""; 0]);
}

#[test]
fn filter_chains_overlap_where_their_networks_are_equal() {
    assert_eq!(
        chains(vec![prefixes(&[("10.0.0.1", 8)]), prefixes(&[("10.0.0.0", 8)])]),
        ["lds l has filter chains that overlap: 0 and 1"]
    );
    assert_eq!(chains(vec![prefixes(&[("10.0.0.0", 8)]), prefixes(&[("10.0.0.0", 16)])]), [""; 0]);
}

#[test]
fn what_did_not_change_is_not_checked() {
    let layer = Layer::default().with(TypeUrl::Cluster, [Arc::new(eds_cluster("a"))]);
    let set = ResourceSet { shared: Arc::new(layer), own: Arc::default() };
    assert_eq!(lint(&set, TypeSet::EMPTY.with(TypeUrl::Secret), []), []);
    assert_eq!(lint(&set, TypeSet::EMPTY.with(TypeUrl::Endpoint), []).len(), 1);
}
