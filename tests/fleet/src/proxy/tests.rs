//! A proxy against answers as a control plane sends them.

use heddle_xds_api::envoy::config::cluster::v3::Cluster;
use heddle_xds_api::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType, EdsClusterConfig};
use heddle_xds_api::envoy::config::endpoint::v3::ClusterLoadAssignment;
use heddle_xds_api::envoy::config::listener::v3::{Filter, FilterChain, Listener, filter::ConfigType};
use heddle_xds_api::envoy::config::route::v3::{RouteConfiguration, Vhds, VirtualHost};
use heddle_xds_api::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, Rds, http_connection_manager::RouteSpecifier,
};
use heddle_xds_api::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource};
use heddle_xds_api::google::protobuf::Any;
use prost::Message;

use super::*;
use crate::wire::Fields;

fn resource(kind: ResourceType, name: &str, version: &str, message: &impl Message) -> Resource {
    let any = Any { type_url: kind.url().to_owned(), value: message.encode_to_vec() };
    Resource { name: name.to_owned(), version: version.to_owned(), resource: Some(any), ..Resource::default() }
}

fn cluster(name: &str, version: &str) -> Resource {
    let cluster = Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Eds.into())),
        eds_cluster_config: Some(EdsClusterConfig::default()),
        ..Cluster::default()
    };
    resource(ResourceType::Cluster, name, version, &cluster)
}

fn listener(name: &str, route: &str) -> Resource {
    let rds = Rds { route_config_name: route.to_owned(), ..Rds::default() };
    let manager =
        HttpConnectionManager { route_specifier: Some(RouteSpecifier::Rds(rds)), ..HttpConnectionManager::default() };
    let url = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let config = Any { type_url: url.to_owned(), value: manager.encode_to_vec() };
    let filter = Filter { config_type: Some(ConfigType::TypedConfig(config)), ..Filter::default() };
    let chain = FilterChain { filters: vec![filter], ..FilterChain::default() };
    resource(ResourceType::Listener, name, "1", &Listener { filter_chains: vec![chain], ..Listener::default() })
}

/// What a proxy says to a response.
fn tell(
    proxy: &mut Proxy,
    names: &mut Names,
    kind: ResourceType,
    resources: Vec<Resource>,
    removed: &[&str],
) -> Vec<String> {
    let response = DeltaDiscoveryResponse {
        type_url: kind.url().to_owned(),
        nonce: "n".to_owned(),
        resources,
        removed_resources: removed.iter().map(ToString::to_string).collect(),
        ..DeltaDiscoveryResponse::default()
    };
    let bytes = response.encode_to_vec();
    let mut said = Vec::new();
    let mut shared = ThreadState { names, marker: None, found: false };
    let pieces = Fields(&bytes).map(|(number, value)| Piece::Field(number, value)).chain([Piece::End]);
    for piece in pieces {
        proxy.hear(piece, &mut shared, &mut |request| {
            said.push(words(&DeltaDiscoveryRequest::decode(request).unwrap()));
        });
    }
    said
}

fn words(request: &DeltaDiscoveryRequest) -> String {
    let short = request.type_url.rsplit('.').next().unwrap_or_default();
    let error = if request.error_detail.is_some() { "!" } else { "" };
    let (more, fewer) = (&request.resource_names_subscribe, &request.resource_names_unsubscribe);
    let versions = &request.initial_resource_versions;
    format!("{short} +{} -{} ={} {}{error}", more.join(","), fewer.join(","), versions.len(), request.response_nonce)
}

/// A proxy with one cluster, one listener, one route and one virtual host.
fn settled(names: &mut Names) -> Proxy {
    let mut proxy = Proxy::default();
    assert_eq!(proxy.begin(b"", names).len(), 1);
    let said = tell(&mut proxy, names, ResourceType::Cluster, vec![cluster("a", "1")], &[]);
    assert_eq!(said, ["ClusterLoadAssignment +a - =0 ", "Cluster + - =0 n"]);
    let endpoints = resource(ResourceType::Endpoint, "a", "1", &ClusterLoadAssignment::default());
    let said = tell(&mut proxy, names, ResourceType::Endpoint, vec![endpoints], &[]);
    assert_eq!(said, ["ClusterLoadAssignment + - =0 n", "Listener + - =0 "]);
    let said = tell(&mut proxy, names, ResourceType::Listener, vec![listener("l", "80")], &[]);
    assert_eq!(said, ["RouteConfiguration +80 - =0 ", "Listener + - =0 n"]);
    assert!(!proxy.is_complete());
    let route = RouteConfiguration { vhds: Some(Vhds::default()), ..RouteConfiguration::default() };
    let said =
        tell(&mut proxy, names, ResourceType::Route, vec![resource(ResourceType::Route, "80", "1", &route)], &[]);
    assert_eq!(said, ["RouteConfiguration + - =0 n", "VirtualHost + - =0 "]);
    assert!(!proxy.is_complete());
    let host = resource(ResourceType::VirtualHost, "80/a", "1", &VirtualHost::default());
    assert_eq!(tell(&mut proxy, names, ResourceType::VirtualHost, vec![host], &[]), ["VirtualHost + - =0 n"]);
    assert!(proxy.is_complete());
    proxy
}

#[test]
fn it_asks_in_envoys_order_and_opens_virtual_hosts_once() {
    let mut names = Names::default();
    let mut proxy = settled(&mut names);
    let route = RouteConfiguration { vhds: Some(Vhds::default()), ..RouteConfiguration::default() };
    let said =
        tell(&mut proxy, &mut names, ResourceType::Route, vec![resource(ResourceType::Route, "80", "2", &route)], &[]);
    assert_eq!(said, ["RouteConfiguration + - =0 n"]);
    assert_eq!(proxy.held(), [1; 5]);
}

#[test]
fn what_nothing_refers_to_any_more_is_given_up() {
    let mut names = Names::default();
    let mut proxy = settled(&mut names);
    let said = tell(&mut proxy, &mut names, ResourceType::Cluster, vec![cluster("b", "1")], &["a"]);
    assert_eq!(said, ["ClusterLoadAssignment +b -a =0 ", "Cluster + - =0 n"]);
    assert_eq!(proxy.held(), [1, 0, 1, 1, 1]);
}

#[test]
fn it_comes_back_with_all_that_it_holds() {
    let mut names = Names::default();
    let mut proxy = settled(&mut names);
    let requests = proxy.begin(b"", &names);
    let said: Vec<String> =
        requests.iter().map(|one| words(&DeltaDiscoveryRequest::decode(one.as_slice()).unwrap())).collect();
    let expected = ["Cluster + - =1 ", "ClusterLoadAssignment +a - =1 ", "Listener + - =1 "];
    assert_eq!(said[..3], expected);
    assert_eq!(said[3..], ["RouteConfiguration +80 - =1 ", "VirtualHost + - =1 "]);
    assert!(!proxy.is_complete());
}

#[test]
fn what_it_rejects_it_does_not_hold() {
    let mut names = Names::default();
    let mut proxy = settled(&mut names);
    let before = proxy.digest(&names);
    proxy.rejects = true;
    let said = tell(&mut proxy, &mut names, ResourceType::Cluster, vec![cluster("a", "2")], &["a"]);
    assert_eq!(said, ["Cluster + - =0 n!"]);
    assert_eq!(proxy.digest(&names), before);
    proxy.rejects = false;
    tell(&mut proxy, &mut names, ResourceType::Cluster, vec![cluster("a", "2")], &[]);
    assert_ne!(proxy.digest(&names), before);
}
