//! Virtual hosts of sidecars: one for each service and each further host of a VirtualService.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    host::Host,
    issue::Issue,
    route::{Destination, VirtualService},
    service::Service,
};
use heddle_xds_api::envoy::config::route::v3::{
    Decorator, Route, RouteConfiguration, RouteMatch, Vhds, VirtualHost, route::Action, route_match::PathSpecifier,
};

use super::{
    RouteClient, RouteContext, action, alpn, catch_all, domain,
    group::{Group, groups},
    key::{self, HostRoutesKey, HostRoutesSource, RouteConfigKey, VirtualHostKey},
};
use crate::{
    by_ptr::ByPtr,
    compiled::Compiled,
    envoy::source,
    memo::Memo,
    name,
    scope::{EgressScope, Scope},
};

/// Largest body of a direct response.
const DIRECT_RESPONSE_BYTES: u32 = 1 << 20;

/// A sidecar's route configuration with its virtual hosts still apart.
#[derive(Debug)]
pub struct SplitRouteConfig {
    key: RouteConfigKey,
    /// The virtual hosts with the keys of their routes, sorted by name.
    pub hosts: Vec<(VirtualHostKey, HostRoutesKey)>,
    /// What happens to hosts that no service has.
    last: Option<VirtualHost>,
    /// What is wrong with routes that do not apply.
    pub issues: Vec<Issue>,
    /// Where in `hosts` the routes of a VirtualService are.
    of_virtual_service: BTreeMap<ByPtr<VirtualService>, BTreeSet<usize>>,
    /// Where in `hosts` routes lead to a host.
    leading_to: BTreeMap<Host, BTreeSet<usize>>,
    /// Whether the name of a virtual host has a slash in it.
    slashed: bool,
}

/// The split of a sidecar's route configuration.
#[must_use]
pub fn split(scope: &Scope<'_>, egress: &EgressScope, key: &RouteConfigKey, memo: &Memo) -> SplitRouteConfig {
    let mut issues = Vec::new();
    let groups = groups(scope, egress, key, memo, &mut issues);
    let mut hosts = virtual_hosts(scope, key, groups);
    hosts.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let mut last = (!matches!(key, RouteConfigKey::Service(..))).then(|| catch_all::virtual_host(scope));
    let client = RouteClient::plain(scope.view);
    last.iter_mut().flat_map(|host| &mut host.routes).for_each(|route| alpn::set_alpn(scope, &client, route));
    let (mut of_virtual_service, mut leading_to) = (BTreeMap::new(), BTreeMap::new());
    for (at, (_, routes)) in hosts.iter().enumerate() {
        if let HostRoutesSource::VirtualService(virtual_service) = &routes.of {
            of_virtual_service.entry(virtual_service.clone()).or_insert_with(BTreeSet::new).insert(at);
        }
        for host in routes.visible.hosts() {
            leading_to.entry(host.clone()).or_insert_with(BTreeSet::new).insert(at);
        }
    }
    let slashed = hosts.iter().any(|(host, _)| host.name.contains('/'));
    SplitRouteConfig { key: key.clone(), hosts, last, issues, of_virtual_service, leading_to, slashed }
}

impl SplitRouteConfig {
    /// Whether the virtual hosts may be sent one by one: there are some, and none of them takes everything, for that one
    /// stays inline. Envoy would wait for the first of none. What it is sent is `<configuration>/<virtual host>`, which it reads
    /// up to the last slash, so that a name with one in it would belong to another configuration.
    #[must_use]
    pub fn may_split(&self) -> bool {
        self.last.is_some() && !self.hosts.is_empty() && !self.slashed
    }

    /// The route configuration with all of its virtual hosts.
    #[must_use]
    pub fn whole(&self) -> Compiled<RouteConfiguration> {
        let mut compiled = self.inline();
        for (host, _) in &self.hosts {
            let host = key::virtual_host(host);
            compiled.value.virtual_hosts.push(host.value);
            compiled.issues.extend(host.issues);
            compiled.sources.extend(host.sources);
        }
        compiled.value.virtual_hosts.extend(self.last.clone());
        compiled
    }

    /// The route configuration with the virtual host that takes everything. The others are discovered.
    #[must_use]
    pub fn with_vhds(&self) -> Compiled<RouteConfiguration> {
        let mut compiled = self.inline();
        compiled.value.virtual_hosts.extend(self.last.clone());
        compiled.value.vhds = Some(Vhds { config_source: Some(source::ads()) });
        compiled
    }

    /// The places of the virtual hosts whose routes are of this VirtualService, which another takes the place of.
    pub(crate) fn exchange(&mut self, old: &ByPtr<VirtualService>, new: &Arc<VirtualService>) -> BTreeSet<usize> {
        let Some(places) = self.of_virtual_service.remove(old) else { return BTreeSet::new() };
        self.of_virtual_service.insert(ByPtr::new(new), places.clone());
        places
    }

    /// The places of the virtual hosts whose routes lead to this host.
    pub(crate) fn leading_to(&self, host: &Host) -> impl Iterator<Item = usize> {
        self.leading_to.get(host).into_iter().flatten().copied()
    }

    fn inline(&self) -> Compiled<RouteConfiguration> {
        let value = RouteConfiguration {
            name: self.key.name(),
            validate_clusters: Some(false),
            max_direct_response_body_size_bytes: Some(DIRECT_RESPONSE_BYTES),
            ignore_port_in_host_matching: !matches!(self.key, RouteConfigKey::Proxy(_)),
            ..RouteConfiguration::default()
        };
        Compiled { issues: self.issues.clone(), ..Compiled::new(value) }
    }
}

/// The route to a service that no VirtualService speaks for.
pub(super) fn default_route(context: &RouteContext<'_>, service: &Service) -> Route {
    let port = context.port;
    let to = Destination { host: service.host.clone(), subset: "".into(), port: Some(port), short: false };
    let hash = action::hash_policy(context, &to);
    let action = action::default_action(context, name::outbound(port, "", &service.host), hash);
    let operation = format!("{}:{port}/*", service.host);
    Route {
        name: "default".into(),
        r#match: Some(RouteMatch { path_specifier: Some(PathSpecifier::Prefix("/".into())), ..RouteMatch::default() }),
        action: Some(Action::Route(action)),
        decorator: Some(Decorator { operation, ..Decorator::default() }),
        ..Route::default()
    }
}

/// The virtual hosts of groups. A domain that two claim belongs to the first.
fn virtual_hosts(scope: &Scope<'_>, key: &RouteConfigKey, groups: Vec<Group>) -> Vec<(VirtualHostKey, HostRoutesKey)> {
    let configuration = key.name();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut hosts = Vec::new();
    for group in groups {
        for (host, mut domains) in named(scope, key, &group) {
            domains.retain(|domain| taken.insert(domain.to_ascii_lowercase()));
            if !domains.is_empty() {
                let virtual_host = VirtualHostKey {
                    name: format!("{host}:{}", group.port),
                    configuration: configuration.as_str().into(),
                    domains,
                    routes: ByPtr::new(&group.routes),
                };
                hosts.push((virtual_host, group.key.clone()));
            }
        }
    }
    hosts
}

/// The hosts of a group with all of their domains.
fn named<'g>(
    scope: &'g Scope<'_>,
    key: &'g RouteConfigKey,
    group: &'g Group,
) -> impl Iterator<Item = (&'g Host, Vec<String>)> {
    let foreign = group.hosts.iter().map(|host| (host, domain::of_host(host, scope.view)));
    let known = group.services.iter().map(|service: &Arc<Service>| {
        let all = || domain::of_service(service, scope.view);
        (&service.host, if matches!(key, RouteConfigKey::Service(..)) { vec!["*".into()] } else { all() })
    });
    let port = group.port;
    foreign.chain(known).map(move |(host, names)| {
        (host, if matches!(key, RouteConfigKey::Proxy(_)) { with_port(names, port) } else { names })
    })
}

/// What clients of a forward proxy ask for: the port is left out only where it is HTTP's own.
fn with_port(names: Vec<String>, port: u16) -> Vec<String> {
    let mut domains: Vec<String> = if port == 80 { names.clone() } else { Vec::new() };
    domains.extend(names.into_iter().map(|name| format!("{name}:{port}")));
    domains
}
