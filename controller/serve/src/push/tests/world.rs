//! Small meshes for tests, as resources.

use std::sync::Arc;

use heddle_xds_api::{
    Layer, Resource, ResourceSet, TypeUrl, any,
    envoy::{
        config::{
            cluster::v3::{Cluster, cluster},
            endpoint::v3::ClusterLoadAssignment,
            listener::v3::{Filter, FilterChain, Listener, filter},
            route::v3::{Route, RouteAction, RouteConfiguration, Vhds, VirtualHost, route, route_action},
        },
        extensions::filters::network::http_connection_manager::v3::{
            HttpConnectionManager, Rds, http_connection_manager::RouteSpecifier,
        },
    },
};

pub(super) const CLUSTERS: usize = 4;
pub(super) const ROUTES: usize = 3;

/// A mesh in small: of each cluster a content, of each route its clusters, of each listener its route.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) clusters: [Option<u8>; CLUSTERS],
    pub(super) routes: [Option<[bool; CLUSTERS]>; ROUTES],
    pub(super) listeners: [Option<usize>; 2],
    /// Virtual hosts are sent one by one: one for each cluster of a route.
    pub(super) parted: bool,
}

impl World {
    /// Nothing refers to what does not exist.
    pub(super) fn repair(mut self) -> Self {
        for clusters in self.routes.iter_mut().flatten() {
            for (uses, exists) in clusters.iter_mut().zip(&self.clusters) {
                *uses &= exists.is_some();
            }
        }
        for listener in &mut self.listeners {
            *listener = listener.filter(|route| self.routes[*route].is_some());
        }
        self
    }

    pub(super) fn set(&self) -> Arc<ResourceSet> {
        let clusters = self.clusters.iter().enumerate().filter_map(|(i, content)| Some(cluster(i, (*content)?)));
        let endpoints = self.clusters.iter().enumerate().filter(|(_, one)| one.is_some()).map(|(i, _)| endpoints(i));
        let routes = self.routes.iter().enumerate().filter_map(|(i, clusters)| {
            let clusters = (*clusters)?;
            let leaves_hosts = self.parted && clusters.contains(&true);
            Some(if leaves_hosts { parted_routes(i) } else { routes(i, &clusters) })
        });
        let every = self.routes.iter().enumerate().filter(|_| self.parted);
        let hosts = every.filter_map(|(i, clusters)| Some((i, (*clusters)?))).flat_map(|(i, clusters)| {
            let used = clusters.into_iter().enumerate().filter(|(_, uses)| *uses);
            used.map(move |(c, _)| virtual_host(i, c))
        });
        let listeners = self.listeners.iter().enumerate().filter_map(|(i, route)| Some(listener(i, (*route)?)));
        let shared = Layer::default()
            .with(TypeUrl::Cluster, clusters)
            .with(TypeUrl::Endpoint, endpoints)
            .with(TypeUrl::Route, routes)
            .with(TypeUrl::VirtualHost, hosts)
            .with(TypeUrl::Listener, listeners);
        Arc::new(ResourceSet { shared: Arc::new(shared), own: Arc::default() })
    }
}

fn cluster(index: usize, content: u8) -> Arc<Resource> {
    let message = Cluster {
        name: format!("c{index}"),
        alt_stat_name: content.to_string(),
        cluster_discovery_type: Some(cluster::ClusterDiscoveryType::Type(cluster::DiscoveryType::Eds as i32)),
        ..Default::default()
    };
    Arc::new(Resource::new(TypeUrl::Cluster, message.name.as_str(), &message))
}

fn endpoints(index: usize) -> Arc<Resource> {
    let message = ClusterLoadAssignment { cluster_name: format!("c{index}"), ..Default::default() };
    Arc::new(Resource::new(TypeUrl::Endpoint, message.cluster_name.as_str(), &message))
}

fn routes(index: usize, clusters: &[bool]) -> Arc<Resource> {
    let used = clusters.iter().enumerate().filter(|(_, uses)| **uses);
    let routes = used.map(|(cluster, _)| Route {
        action: Some(route::Action::Route(RouteAction {
            cluster_specifier: Some(route_action::ClusterSpecifier::Cluster(format!("c{cluster}"))),
            ..Default::default()
        })),
        ..Default::default()
    });
    let host = VirtualHost { routes: routes.collect(), ..Default::default() };
    let message = RouteConfiguration { name: format!("r{index}"), virtual_hosts: vec![host], ..Default::default() };
    Arc::new(Resource::new(TypeUrl::Route, message.name.as_str(), &message))
}

fn parted_routes(index: usize) -> Arc<Resource> {
    let message =
        RouteConfiguration { name: format!("r{index}"), vhds: Some(Vhds::default()), ..RouteConfiguration::default() };
    Arc::new(Resource::new(TypeUrl::Route, message.name.as_str(), &message))
}

fn virtual_host(index: usize, cluster: usize) -> Arc<Resource> {
    let route = Route {
        action: Some(route::Action::Route(RouteAction {
            cluster_specifier: Some(route_action::ClusterSpecifier::Cluster(format!("c{cluster}"))),
            ..Default::default()
        })),
        ..Default::default()
    };
    let message = VirtualHost { name: format!("h{cluster}"), routes: vec![route], ..Default::default() };
    Arc::new(Resource::new(TypeUrl::VirtualHost, format!("r{index}/h{cluster}"), &message))
}

fn listener(index: usize, route: usize) -> Arc<Resource> {
    let rds = Rds { route_config_name: format!("r{route}"), ..Default::default() };
    let manager = HttpConnectionManager { route_specifier: Some(RouteSpecifier::Rds(rds)), ..Default::default() };
    let filter = Filter { config_type: Some(filter::ConfigType::TypedConfig(any(&manager))), ..Default::default() };
    let chain = FilterChain { filters: vec![filter], ..Default::default() };
    let message = Listener { name: format!("l{index}"), filter_chains: vec![chain], ..Default::default() };
    Arc::new(Resource::new(TypeUrl::Listener, message.name.as_str(), &message))
}
