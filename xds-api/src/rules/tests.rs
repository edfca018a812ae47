//! One message of each kind of rule, right and wrong.

use super::*;
use crate::{
    Resource, any,
    envoy::{
        config::{
            cluster::v3::{Cluster, cluster},
            core::v3::{
                Address, HeaderValue, HeaderValueOption, SocketAddress, TransportSocket, address, transport_socket,
            },
            endpoint::v3::ClusterLoadAssignment,
            listener::v3::{FilterChain, FilterChainMatch, Listener},
            route::v3::{
                Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost, WeightedCluster, route, route_action,
                route_match,
            },
        },
        extensions::transport_sockets::tls::v3::{CommonTlsContext, TlsParameters, UpstreamTlsContext},
        r#type::v3::Percent,
    },
    google::protobuf::Duration,
};

fn broken(resource: &Resource) -> String {
    resource.check().err().map(|broken| broken.to_string()).unwrap_or_default()
}

fn of_cluster(change: impl FnOnce(&mut Cluster)) -> String {
    let mut cluster = Cluster { name: "c".into(), ..Cluster::default() };
    change(&mut cluster);
    broken(&Resource::new(TypeUrl::Cluster, "c", &cluster))
}

fn of_routes(routes: Vec<Route>) -> String {
    let host = |name: &str, routes| VirtualHost {
        name: name.into(),
        domains: vec![name.into()],
        routes,
        ..Default::default()
    };
    let virtual_hosts = vec![host("good", vec![forward("c")]), host("other", routes)];
    broken(&Resource::new(TypeUrl::Route, "r", &RouteConfiguration { virtual_hosts, ..Default::default() }))
}

fn forward(cluster: &str) -> Route {
    with(RouteAction {
        cluster_specifier: Some(route_action::ClusterSpecifier::Cluster(cluster.into())),
        ..RouteAction::default()
    })
}

fn with(action: RouteAction) -> Route {
    let path_specifier = Some(route_match::PathSpecifier::Prefix("/".into()));
    Route {
        r#match: Some(RouteMatch { path_specifier, ..RouteMatch::default() }),
        action: Some(route::Action::Route(action)),
        ..Route::default()
    }
}

fn tls(context: &UpstreamTlsContext) -> String {
    of_cluster(|cluster| {
        let config_type = Some(transport_socket::ConfigType::TypedConfig(any(context)));
        cluster.transport_socket = Some(TransportSocket { name: "tls".into(), config_type });
    })
}

#[test]
fn messages_are_sorted_and_their_fields_too() {
    assert!(table::MESSAGES.is_sorted_by_key(|message| message.name));
    for message in table::MESSAGES {
        assert!(
            message.fields.is_sorted_by_key(|field| field.number) && message.fields.len() <= 64,
            "{}",
            message.name
        );
    }
}

#[test]
fn a_text_must_be_there_and_have_its_form() {
    assert_eq!(of_cluster(|_| ()), "");
    assert_eq!(of_cluster(|cluster| cluster.name.clear()), "name must not be left out");
    assert_eq!(of_routes(vec![forward("c")]), "");
    let rewrite = |path: &str| {
        let Some(route::Action::Route(action)) = forward("c").action else { unreachable!() };
        of_routes(vec![forward("c"), with(RouteAction { prefix_rewrite: path.into(), ..action })])
    };
    assert_eq!(rewrite("/a"), "");
    assert_eq!(rewrite("/\n"), "virtual_hosts[1].routes[1].route.prefix_rewrite holds NUL or a line break");
    assert_eq!(of_routes(vec![forward("")]), "virtual_hosts[1].routes[0].route.cluster must not be empty");
}

#[test]
fn a_long_text_is_refused() {
    let header = |value: String| {
        let header = Some(HeaderValue { key: "x".into(), value, ..Default::default() });
        let request_headers_to_add = vec![HeaderValueOption { header, ..Default::default() }];
        of_routes(vec![Route { request_headers_to_add, ..forward("c") }])
    };
    assert_eq!(header("a".repeat(16_384)), "");
    assert!(header("a".repeat(16_385)).ends_with("header.value has 16385 bytes, more than 16384"));
}

#[test]
fn a_choice_must_be_made() {
    assert_eq!(
        of_routes(vec![with(RouteAction::default())]),
        "virtual_hosts[1].routes[0].route must have one choice of cluster_specifier"
    );
    let nothing = Route { action: None, ..forward("c") };
    assert_eq!(of_routes(vec![nothing]), "virtual_hosts[1].routes[0] must have one choice of action");
    let unmatched = Route { r#match: None, ..forward("c") };
    assert_eq!(of_routes(vec![unmatched]), "virtual_hosts[1].routes[0].match must not be left out");
}

#[test]
fn elements_are_counted_and_compared() {
    let weighted = route_action::ClusterSpecifier::WeightedClusters(WeightedCluster::default());
    let action = RouteAction { cluster_specifier: Some(weighted), ..RouteAction::default() };
    assert!(of_routes(vec![with(action)]).ends_with("weighted_clusters.clusters[0] must not be left out"));
    let config = |domains: &[&str]| {
        let domains = domains.iter().map(ToString::to_string).collect();
        let host = VirtualHost { name: "h".into(), domains, ..VirtualHost::default() };
        broken(&Resource::new(TypeUrl::VirtualHost, "h", &host))
    };
    assert_eq!((config(&["a"]), config(&[])), (String::new(), "domains[0] must not be left out".into()));
}

#[test]
fn numbers_have_ranges_and_names() {
    assert_eq!(of_cluster(|cluster| cluster.lb_policy = 99), "lb_policy is 99, which is not allowed");
    let timeout = |nanos| of_cluster(|cluster| cluster.connect_timeout = Some(Duration { seconds: 0, nanos }));
    assert_eq!((timeout(1), timeout(0)), (String::new(), "connect_timeout is 0, less than 1".into()));
    let port = |number| {
        let port_specifier = Some(crate::envoy::config::core::v3::socket_address::PortSpecifier::PortValue(number));
        let socket = SocketAddress { address: "::1".into(), port_specifier, ..SocketAddress::default() };
        let address = Some(Address { address: Some(address::Address::SocketAddress(socket)) });
        broken(&Resource::new(TypeUrl::Listener, "l", &Listener { address, ..Listener::default() }))
    };
    assert_eq!(port(65_535), "");
    assert!(port(65_536).ends_with("port_value is 65536, more than 65535"));
}

#[test]
fn a_wrapped_number_and_a_real_one_have_ranges() {
    let ring = |size| {
        let ring = cluster::RingHashLbConfig { minimum_ring_size: Some(size), ..Default::default() };
        of_cluster(|cluster| cluster.lb_config = Some(cluster::LbConfig::RingHashLbConfig(ring)))
    };
    assert_eq!(ring(8_388_608), "");
    assert!(ring(8_388_609).ends_with("minimum_ring_size is 8388609, more than 8388608"), "{}", ring(8_388_609));
    let panic = |value| {
        let common = cluster::CommonLbConfig { healthy_panic_threshold: Some(Percent { value }), ..Default::default() };
        of_cluster(|cluster| cluster.common_lb_config = Some(common))
    };
    assert_eq!((panic(0.0), panic(100.0)), (String::new(), String::new()));
    assert!(panic(100.5).ends_with("value is 100.5, not from 0 to 100"), "{}", panic(100.5));
}

#[test]
fn messages_within_any_are_checked() {
    let sni = |sni: &str| tls(&UpstreamTlsContext { sni: sni.into(), ..UpstreamTlsContext::default() });
    assert_eq!(sni("a.test"), "");
    assert_eq!(sni(&"a".repeat(256)), "transport_socket.typed_config.sni has 256 bytes, more than 255");
    assert_eq!(sni("a\0"), "transport_socket.typed_config.sni holds NUL");
    let parameters = TlsParameters { tls_maximum_protocol_version: 9, ..TlsParameters::default() };
    let common = CommonTlsContext { tls_params: Some(parameters), ..CommonTlsContext::default() };
    let context = UpstreamTlsContext { common_tls_context: Some(common), ..UpstreamTlsContext::default() };
    assert!(tls(&context).ends_with("tls_maximum_protocol_version is 9, which is not allowed"));
}

#[test]
fn what_envoy_checks_in_code_is_checked() {
    let names = |name: &str| {
        let asks = FilterChainMatch { server_names: vec!["a.test".into(), name.into()], ..Default::default() };
        let chain = FilterChain { filter_chain_match: Some(asks), ..FilterChain::default() };
        broken(&Resource::new(TypeUrl::Listener, "l", &Listener { filter_chains: vec![chain], ..Listener::default() }))
    };
    assert_eq!(names("*.b.test"), "");
    let wrong = "filter_chains[0].filter_chain_match.server_names[1] has a wildcard that is not all of the first label";
    assert_eq!([names("*"), names("*-b.test")], [wrong, wrong]);
}

#[test]
fn a_message_without_rules_breaks_none() {
    let load = ClusterLoadAssignment { cluster_name: "c".into(), ..ClusterLoadAssignment::default() };
    assert_eq!(broken(&Resource::new(TypeUrl::Endpoint, "c", &load)), "");
    let empty = ClusterLoadAssignment::default();
    assert_eq!(broken(&Resource::new(TypeUrl::Endpoint, "c", &empty)), "cluster_name must not be left out");
}
