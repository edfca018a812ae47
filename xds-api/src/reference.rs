//! What a resource refers to: a client must hold it before it is given the resource.

use std::{any::Any, collections::BTreeSet, sync::Arc};

use crate::{
    TypeUrl,
    envoy::{
        config::{
            cluster::v3::{Cluster, cluster},
            listener::v3::{FilterChain, Listener, filter},
            route::v3::{Route, RouteAction, RouteConfiguration, VirtualHost, route, route_action},
        },
        extensions::filters::network::{
            http_connection_manager::v3::{HttpConnectionManager, http_connection_manager::RouteSpecifier},
            tcp_proxy::v3::{TcpProxy, tcp_proxy},
        },
    },
    google, unpack,
};

/// The name of another resource that a resource needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Its type.
    pub type_url: TypeUrl,
    /// Its name; of endpoints the service name; of virtual hosts the collection that they are of.
    pub name: Arc<str>,
}

/// The references of a Cluster, Listener, RouteConfiguration or VirtualHost, sorted. Other messages have none.
///
/// A RouteConfiguration that leaves its virtual hosts to be sent one by one refers to them by its own name.
/// Clusters named by a request header are not known here and not among them.
#[must_use]
pub fn references(message: &dyn Any) -> Box<[Reference]> {
    let mut found = Found::default();
    if let Some(routes) = message.downcast_ref::<RouteConfiguration>() {
        found.route_configuration(routes);
        if routes.vhds.is_some() {
            found.insert(TypeUrl::VirtualHost, &routes.name);
        }
    } else if let Some(host) = message.downcast_ref::<VirtualHost>() {
        found.virtual_host(host);
    } else if let Some(listener) = message.downcast_ref::<Listener>() {
        let chains = listener.filter_chains.iter().chain(&listener.default_filter_chain);
        chains.for_each(|chain| found.filter_chain(chain));
    } else if let Some(cluster) = message.downcast_ref::<Cluster>() {
        found.endpoints(cluster);
    }
    found.0.into_iter().collect()
}

#[derive(Default)]
struct Found(BTreeSet<Reference>);

impl Found {
    fn insert(&mut self, type_url: TypeUrl, name: &str) {
        if !name.is_empty() {
            self.0.insert(Reference { type_url, name: name.into() });
        }
    }

    fn cluster(&mut self, name: &str) {
        self.insert(TypeUrl::Cluster, name);
    }

    fn endpoints(&mut self, cluster: &Cluster) {
        let eds = cluster::DiscoveryType::Eds as i32;
        if cluster.cluster_discovery_type == Some(cluster::ClusterDiscoveryType::Type(eds)) {
            let service = cluster.eds_cluster_config.as_ref().map(|eds| eds.service_name.as_str());
            self.insert(TypeUrl::Endpoint, service.filter(|name| !name.is_empty()).unwrap_or(&cluster.name));
        }
    }

    fn filter_chain(&mut self, chain: &FilterChain) {
        for filter in &chain.filters {
            if let Some(filter::ConfigType::TypedConfig(config)) = &filter.config_type {
                self.network_filter(config);
            }
        }
    }

    fn network_filter(&mut self, config: &google::protobuf::Any) {
        if let Some(proxy) = unpack::<TcpProxy>(config) {
            match &proxy.cluster_specifier {
                Some(tcp_proxy::ClusterSpecifier::Cluster(name)) => self.cluster(name),
                Some(tcp_proxy::ClusterSpecifier::WeightedClusters(weighted)) => {
                    weighted.clusters.iter().for_each(|cluster| self.cluster(&cluster.name));
                }
                None => {}
            }
        } else if let Some(manager) = unpack::<HttpConnectionManager>(config) {
            match &manager.route_specifier {
                Some(RouteSpecifier::Rds(rds)) => self.insert(TypeUrl::Route, &rds.route_config_name),
                Some(RouteSpecifier::RouteConfig(routes)) => self.route_configuration(routes),
                Some(RouteSpecifier::ScopedRoutes(_)) | None => {}
            }
        }
    }

    fn route_configuration(&mut self, routes: &RouteConfiguration) {
        routes.virtual_hosts.iter().for_each(|host| self.virtual_host(host));
        for mirror in &routes.request_mirror_policies {
            self.cluster(&mirror.cluster);
        }
    }

    fn virtual_host(&mut self, host: &VirtualHost) {
        host.routes.iter().for_each(|route| self.route(route));
        for mirror in &host.request_mirror_policies {
            self.cluster(&mirror.cluster);
        }
    }

    fn route(&mut self, route: &Route) {
        if let Some(route::Action::Route(action)) = &route.action {
            self.route_action(action);
        }
    }

    fn route_action(&mut self, action: &RouteAction) {
        match &action.cluster_specifier {
            Some(route_action::ClusterSpecifier::Cluster(name)) => self.cluster(name),
            Some(route_action::ClusterSpecifier::WeightedClusters(weighted)) => {
                weighted.clusters.iter().for_each(|cluster| self.cluster(&cluster.name));
            }
            _ => {}
        }
        for mirror in &action.request_mirror_policies {
            self.cluster(&mirror.cluster);
        }
    }
}
