//! Virtual hosts of sidecars: one for each service and each further host of a VirtualService.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    host::Host,
    issue::Issue,
    object::ObjectRef,
    protocol::Protocol,
    route::{Destination, GatewayRef, RouteTable},
    service::Service,
};
use heddle_xds_api::envoy::config::route::v3::{
    Decorator, Route, RouteConfiguration, RouteMatch, VirtualHost, route::Action, route_match::PathSpecifier,
};

use super::{RouteContext, action, catch_all, domain, offer, rule};
use crate::{
    compiled::Compiled,
    name,
    scope::{EgressScope, Scope},
};

/// Largest body of a direct response.
const DIRECT_RESPONSE_BYTES: u32 = 1 << 20;

/// Which route configuration of a sidecar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKey {
    /// All HTTP services on a port.
    Port(u16),
    /// One service on its own address, found to be HTTP by its first bytes.
    Service(Host, u16),
    /// Every port of every service, for a forward proxy or a Unix socket; the name is the listener's.
    Proxy(String),
}

impl RouteKey {
    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Port(port) => port.to_string(),
            Self::Service(host, port) => format!("{host}:{port}"),
            Self::Proxy(name) => name.clone(),
        }
    }

    /// The port that it is for; none: all.
    fn port(&self) -> Option<u16> {
        match self {
            Self::Port(port) | Self::Service(_, port) => Some(*port),
            Self::Proxy(_) => None,
        }
    }
}

/// Services and hosts that share routes on a port.
struct Group {
    port: u16,
    services: Vec<Arc<Service>>,
    hosts: Vec<Host>,
    routes: Vec<Route>,
}

/// A sidecar's route configuration.
#[must_use]
pub fn route_configuration(scope: &Scope<'_>, egress: &EgressScope, key: &RouteKey) -> Compiled<RouteConfiguration> {
    let mut compiled = Compiled::new(RouteConfiguration {
        name: key.name(),
        validate_clusters: Some(false),
        max_direct_response_body_size_bytes: Some(DIRECT_RESPONSE_BYTES),
        ignore_port_in_host_matching: !matches!(key, RouteKey::Proxy(_)),
        ..RouteConfiguration::default()
    });
    let groups = groups(scope, egress, key, &mut compiled.issues, &mut compiled.sources);
    let mut hosts = virtual_hosts(scope, key, groups);
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    if !matches!(key, RouteKey::Service(..)) {
        hosts.push(catch_all::virtual_host(scope));
    }
    offer::offer(scope, &mut hosts);
    compiled.value.virtual_hosts = hosts;
    compiled
}

/// Whether a route configuration speaks for a port: HTTP, or what may turn out to be.
fn may_be_http(protocol: Protocol) -> bool {
    protocol.is_http() || protocol.is_sniffed()
}

/// The ports of a service that matter here.
fn ports(service: &Service, key: &RouteKey) -> Vec<u16> {
    let wanted = |number: u16| key.port().is_none_or(|port| port == number);
    let usable = service.ports.iter().filter(|p| may_be_http(p.protocol) && wanted(p.number));
    usable.map(|p| p.number).collect()
}

fn groups(
    scope: &Scope<'_>,
    egress: &EgressScope,
    key: &RouteKey,
    issues: &mut Vec<Issue>,
    sources: &mut Vec<Arc<ObjectRef>>,
) -> Vec<Group> {
    let here = |s: &&Arc<Service>| match key {
        RouteKey::Service(host, _) => s.host == *host,
        _ => true,
    };
    let services: BTreeMap<&Host, &Arc<Service>> = egress
        .services
        .iter()
        .filter(here)
        .filter(|service| !ports(service, key).is_empty())
        .map(|service| (&service.host, service))
        .collect();
    let claims = claims(&services, &egress.tables);
    let mut groups = Vec::new();
    let mut routed: BTreeSet<(Host, u16)> = BTreeSet::new();
    for (index, table) in egress.tables.iter().enumerate() {
        let claimed: Vec<&Arc<Service>> =
            claims.iter().filter(|(_, by)| **by == index).filter_map(|(host, _)| services.get(host).copied()).collect();
        let hosts = if matches!(key, RouteKey::Service(..)) { Vec::new() } else { foreign_hosts(table, &services) };
        for mut group in grouped(&claimed, &hosts, key) {
            let context = RouteContext { scope, port: group.port, gateways: [GatewayRef::Mesh].into() };
            group.routes = rule::table_routes(&context, table, issues);
            if !group.routes.is_empty() {
                sources.push(table.origin.object.clone());
                routed.extend(group.services.iter().map(|s| (s.host.clone(), group.port)));
                groups.push(group);
            }
        }
    }
    for service in services.values() {
        for port in ports(service, key).into_iter().filter(|p| !routed.contains(&(service.host.clone(), *p))) {
            groups.push(default_group(scope, service, port));
        }
    }
    groups
}

/// Which table speaks for each service: the one with the most specific host, then the oldest.
fn claims(services: &BTreeMap<&Host, &Arc<Service>>, tables: &[Arc<RouteTable>]) -> BTreeMap<Host, usize> {
    let mut best: BTreeMap<Host, (Host, usize)> = BTreeMap::new();
    let mut claim = |service: &Host, by: &Host, index: usize| {
        let better = best.get(service).is_none_or(|(known, _)| by.specificity(known).is_lt());
        if better {
            best.insert(service.clone(), (by.clone(), index));
        }
    };
    for (index, table) in tables.iter().enumerate().filter(|(_, table)| !table.http.is_empty()) {
        for host in &table.hosts {
            if host.is_wildcard() {
                services.keys().filter(|s| host.covers(s)).for_each(|s| claim(s, host, index));
            } else if services.contains_key(host) {
                claim(host, host, index);
            }
        }
    }
    best.into_iter().map(|(service, (_, index))| (service, index)).collect()
}

/// Hosts of a table that are no services here.
fn foreign_hosts(table: &RouteTable, services: &BTreeMap<&Host, &Arc<Service>>) -> Vec<Host> {
    let known = |host: &Host| {
        if host.is_wildcard() { services.keys().any(|s| host.covers(s)) } else { services.contains_key(host) }
    };
    table.hosts.iter().filter(|host| !known(host)).cloned().collect()
}

/// Groups by port. Hosts that no service has are known on port 80 only: nothing else says which port they are on.
fn grouped(services: &[&Arc<Service>], hosts: &[Host], key: &RouteKey) -> Vec<Group> {
    let mut by_port: BTreeMap<u16, Vec<Arc<Service>>> = BTreeMap::new();
    for service in services {
        for port in ports(service, key) {
            by_port.entry(port).or_default().push((*service).clone());
        }
    }
    if by_port.is_empty() && !hosts.is_empty() && key.port().is_none_or(|port| port == 80) {
        by_port.insert(80, Vec::new());
    }
    by_port
        .into_iter()
        .map(|(port, services)| Group { port, services, hosts: hosts.to_vec(), routes: Vec::new() })
        .collect()
}

fn default_group(scope: &Scope<'_>, service: &Arc<Service>, port: u16) -> Group {
    let context = RouteContext { scope, port, gateways: [GatewayRef::Mesh].into() };
    let to = Destination { host: service.host.clone(), subset: "".into(), port: Some(port), short: false };
    let action =
        action::default_action(&context, name::outbound(port, "", &service.host), action::hash_policy(&context, &to));
    let operation = format!("{}:{port}/*", service.host);
    let route = Route {
        name: "default".into(),
        r#match: Some(RouteMatch { path_specifier: Some(PathSpecifier::Prefix("/".into())), ..RouteMatch::default() }),
        action: Some(Action::Route(action)),
        decorator: Some(Decorator { operation, ..Decorator::default() }),
        ..Route::default()
    };
    Group { port, services: vec![service.clone()], hosts: Vec::new(), routes: vec![route] }
}

/// The virtual hosts of groups. A domain that two claim belongs to the first.
fn virtual_hosts(scope: &Scope<'_>, key: &RouteKey, groups: Vec<Group>) -> Vec<VirtualHost> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut hosts = Vec::new();
    for group in groups {
        let foreign = group.hosts.iter().map(|host| (host, domain::of_host(host, scope.view)));
        let known = group.services.iter().map(|service| {
            let all = || domain::of_service(service, scope.view);
            (&service.host, if matches!(key, RouteKey::Service(..)) { vec!["*".into()] } else { all() })
        });
        for (host, names) in foreign.chain(known) {
            let mut domains = if matches!(key, RouteKey::Proxy(_)) { with_port(names, group.port) } else { names };
            domains.retain(|domain| taken.insert(domain.to_ascii_lowercase()));
            if !domains.is_empty() {
                hosts.push(VirtualHost {
                    name: format!("{host}:{}", group.port),
                    domains,
                    routes: group.routes.clone(),
                    include_request_attempt_count: true,
                    ..VirtualHost::default()
                });
            }
        }
    }
    hosts
}

/// What clients of a forward proxy ask for: the port is left out only where it is HTTP's own.
fn with_port(names: Vec<String>, port: u16) -> Vec<String> {
    let mut domains: Vec<String> = if port == 80 { names.clone() } else { Vec::new() };
    domains.extend(names.into_iter().map(|name| format!("{name}:{port}")));
    domains
}
