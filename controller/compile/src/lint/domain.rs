//! Domains of route configurations. Envoy accepts a domain once in a route configuration, whatever its case
//! (`envoy.config.route.v3.VirtualHost.domains`). That includes the virtual hosts that VHDS adds.

use std::collections::BTreeSet;

use heddle_xds_api::envoy::config::listener::v3::{Listener, filter::ConfigType};
use heddle_xds_api::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
use heddle_xds_api::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, http_connection_manager::RouteSpecifier,
};
use heddle_xds_api::{ResourceSet, TypeUrl, unpack};

use super::Violation;

/// Domains that a route configuration has twice.
pub(super) fn duplicates(set: &ResourceSet) -> Vec<Violation> {
    let members = set.typed(TypeUrl::VirtualHost);
    let mut found = Vec::new();
    for resource in set.typed(TypeUrl::Route).iter() {
        let Ok(routes) = resource.decode::<RouteConfiguration>() else { continue };
        let added = members.members(&routes.name).filter_map(|member| member.decode().ok());
        let hosts: Vec<VirtualHost> = routes.virtual_hosts.into_iter().chain(added).collect();
        found.extend(repeated(&routes.name, &hosts));
    }
    found
}

/// The same of the route configurations that a listener holds itself.
pub(super) fn inline_duplicates(listener: &Listener) -> Vec<Violation> {
    let chains = listener.filter_chains.iter().chain(&listener.default_filter_chain);
    let filters = chains.flat_map(|chain| &chain.filters);
    let managers = filters.filter_map(|filter| match &filter.config_type {
        Some(ConfigType::TypedConfig(config)) => unpack::<HttpConnectionManager>(config),
        _ => None,
    });
    let repeated = |manager: HttpConnectionManager| match manager.route_specifier {
        Some(RouteSpecifier::RouteConfig(routes)) => repeated(&routes.name, &routes.virtual_hosts),
        _ => Vec::new(),
    };
    managers.flat_map(repeated).collect()
}

fn repeated(routes: &str, hosts: &[VirtualHost]) -> Vec<Violation> {
    let mut known = BTreeSet::new();
    let domains = hosts.iter().flat_map(|host| &host.domains).map(|domain| domain.to_ascii_lowercase());
    let repeated = domains.filter(|domain| !known.insert(domain.clone()));
    repeated.map(|domain| Violation::DuplicateDomain { routes: routes.to_owned(), domain }).collect()
}
