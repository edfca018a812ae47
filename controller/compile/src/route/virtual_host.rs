//! Virtual hosts of sidecars: one for each service and each further host of a VirtualService.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use heddle_model::{host::Host, issue::Issue, object::Kind, route::Destination, service::Service};
use heddle_xds_api::envoy::config::route::v3::{
    Decorator, Route, RouteConfiguration, RouteMatch, Vhds, VirtualHost, route::Action, route_match::PathSpecifier,
};

use super::{
    RouteClient, RouteContext, action, alpn, catch_all, domain,
    group::{Group, groups, limit},
    key::{self, HostRoutesKey, RouteConfigKey, RouteEntries, VirtualHostKey},
};
use crate::{
    by_ptr::ByPtr,
    compiled::Compiled,
    envoy::source,
    memo::Memo,
    name,
    scope::{EgressScope, Scope},
    tracked::Asked,
};

/// Largest body of a direct response.
const DIRECT_RESPONSE_BYTES: u32 = 1 << 20;

/// A sidecar's route configuration with its virtual hosts still apart.
#[derive(Debug)]
pub(crate) struct SplitRouteConfig {
    key: RouteConfigKey,
    routes: Vec<HostRoutes>,
    /// The virtual hosts with the place of their routes, sorted by name.
    hosts: Vec<(VirtualHostKey, usize)>,
    /// What happens to hosts that no service has.
    last: Option<VirtualHost>,
    /// What is wrong with routes that do not apply.
    issues: Vec<Issue>,
    /// Whether the name of a virtual host has a slash in it.
    slashed: bool,
}

/// Routes that some virtual hosts share.
#[derive(Debug)]
struct HostRoutes {
    key: HostRoutesKey,
    entries: Arc<RouteEntries>,
    /// What the key asked, until it is noted.
    asked: Asked,
}

/// What came of compiling routes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recompiled {
    /// The same routes.
    Same,
    /// Other routes for the same virtual hosts.
    Changed,
    /// Other virtual hosts may have to speak for what these spoke for.
    Otherwise,
}

/// A sidecar's route configuration.
pub(crate) fn split(scope: &Scope<'_>, egress: &EgressScope, key: &RouteConfigKey, memo: &Memo) -> SplitRouteConfig {
    let mut issues = Vec::new();
    let groups = groups(scope, egress, key, memo, &mut issues);
    let mut hosts = virtual_hosts(scope, key, &groups, &mut issues);
    hosts.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let routes =
        groups.into_iter().map(|group| HostRoutes { key: group.key, entries: group.routes, asked: group.asked });
    // A VirtualService of the host `*` takes what else the catch-all would.
    let has_catch_all = hosts.iter().any(|(host, _)| host.domains.iter().any(|domain| domain == "*"));
    let mut last = (!has_catch_all).then(|| catch_all::virtual_host(scope));
    let client = RouteClient::plain(scope.view);
    let egress_proxy = scope.seen.outbound.egress_proxy.as_ref().map(|to| &to.host);
    alpn::set_alpn(scope, &client, egress_proxy, last.iter_mut().flat_map(|host| &mut host.routes));
    let slashed = hosts.iter().any(|(host, _)| host.name.contains('/'));
    SplitRouteConfig { key: key.clone(), routes: routes.collect(), hosts, last, issues, slashed }
}

impl SplitRouteConfig {
    /// Whether the virtual hosts are sent one by one to a proxy that can take that: there are some, and none of them
    /// takes everything, for that one stays inline. Envoy would wait for the first of none. What it is sent is
    /// `<configuration>/<virtual host>`, which it reads up to the last slash, so that a name with one in it would
    /// belong to another configuration.
    pub(crate) fn is_split(&self, scope: &Scope<'_>) -> bool {
        scope.view.can.virtual_hosts && self.last.is_some() && !self.hosts.is_empty() && !self.slashed
    }

    /// The virtual hosts.
    pub(crate) fn virtual_hosts(&self) -> impl Iterator<Item = &VirtualHostKey> {
        self.hosts.iter().map(|(host, _)| host)
    }

    /// The virtual hosts that share some routes, by the place of these.
    pub(crate) fn virtual_hosts_of(&self, at: usize) -> impl Iterator<Item = &VirtualHostKey> {
        self.hosts.iter().filter(move |(_, routes)| *routes == at).map(|(host, _)| host)
    }

    /// What the keys of routes asked, each by the place of the routes.
    pub(crate) fn take_asked(&mut self) -> impl Iterator<Item = (usize, Asked)> {
        self.routes.iter_mut().map(|routes| std::mem::take(&mut routes.asked)).enumerate()
    }

    /// Compiles the routes at a place again.
    pub(crate) fn recompile(&mut self, scope: &Scope<'_>, memo: &Memo, at: usize) -> Recompiled {
        let hosts = self.virtual_hosts_of(at).count();
        let Some(routes) = self.routes.get_mut(at) else { return Recompiled::Same };
        let Some(key) = routes.key.again(scope) else { return Recompiled::Otherwise };
        let entries = memo.routes.get(&key);
        routes.key = key;
        // What is wrong with routes that no virtual host has is said with those of the route configuration.
        if entries.routes.is_empty() || hosts == 0 {
            return Recompiled::Otherwise;
        }
        // Which services have the routes may depend on how many these are.
        let (was, now) = (routes.entries.routes.len(), entries.routes.len());
        let services = scope.seen.services.values().map(|import| &import.service);
        if was != now && limit::may_exceed(services, hosts, was.max(now)) {
            return Recompiled::Otherwise;
        }
        let old = std::mem::replace(&mut routes.entries, entries.clone());
        if *old == *entries {
            return Recompiled::Same;
        }
        for (host, _) in self.hosts.iter_mut().filter(|(_, of)| *of == at) {
            host.routes = ByPtr::new(&entries);
        }
        Recompiled::Changed
    }

    /// The route configuration with all of its virtual hosts.
    pub(crate) fn whole(&self) -> Compiled<RouteConfiguration> {
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
    pub(crate) fn with_vhds(&self) -> Compiled<RouteConfiguration> {
        let mut compiled = self.inline();
        compiled.value.virtual_hosts.extend(self.last.clone());
        compiled.value.vhds = Some(Vhds { config_source: Some(source::ads()) });
        compiled
    }

    fn inline(&self) -> Compiled<RouteConfiguration> {
        let value = RouteConfiguration {
            name: self.key.name(),
            validate_clusters: Some(false),
            max_direct_response_body_size_bytes: Some(DIRECT_RESPONSE_BYTES),
            ignore_port_in_host_matching: !matches!(self.key, RouteConfigKey::Proxy(_)),
            ..RouteConfiguration::default()
        };
        let used: BTreeSet<usize> = self.hosts.iter().map(|(_, at)| *at).collect();
        let unused = self.routes.iter().enumerate().filter(|(at, _)| !used.contains(at));
        let of_unused = unused.flat_map(|(_, routes)| routes.entries.issues.iter());
        Compiled { issues: self.issues.iter().chain(of_unused).cloned().collect(), ..Compiled::new(value) }
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

/// The virtual hosts of groups, each with the place of its group. A domain that two claim belongs to the first; the
/// objects of the other are recorded with it. One that gets no domain is an issue.
fn virtual_hosts(
    scope: &Scope<'_>,
    key: &RouteConfigKey,
    groups: &[Group],
    issues: &mut Vec<Issue>,
) -> Vec<(VirtualHostKey, usize)> {
    let configuration = key.name();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut hosts: Vec<(VirtualHostKey, usize)> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        for (host, mut domains) in named(scope, key, group) {
            let own = hosts.len();
            let mut lost_to = None;
            domains.retain(|domain| match taken.entry(domain.to_ascii_lowercase()) {
                Entry::Vacant(free) => {
                    free.insert(own);
                    true
                }
                Entry::Occupied(of) => {
                    if let Some((winner, _)) = hosts.get_mut(*of.get()) {
                        let others = group.routes.sources.iter().filter(|one| !winner.routes.sources.contains(one));
                        winner.overruled.extend(others.cloned());
                        lost_to.get_or_insert(*of.get());
                    }
                    false
                }
            });
            if domains.is_empty() {
                issues.extend(lost_to.and_then(|of| nameless(host, group, &hosts.get(of)?.0)));
            } else {
                let virtual_host = VirtualHostKey {
                    name: virtual_host_name(host, group),
                    configuration: configuration.as_str().into(),
                    domains,
                    routes: ByPtr::new(&group.routes),
                    overruled: BTreeSet::new(),
                };
                hosts.push((virtual_host, at));
            }
        }
    }
    hosts
}

/// What is wrong with a host all of whose names belong to the virtual host of another object. That of a host which
/// another VirtualService has too is said once for all route configurations (`overruled`).
fn nameless(host: &Host, group: &Group, winner: &VirtualHostKey) -> Option<Issue> {
    if winner.name == virtual_host_name(host, group) {
        return None;
    }
    let (object, other) = (group.routes.sources.first()?, winner.routes.sources.first()?);
    let message = format!(
        "all names of the host {host} on port {} belong to {other}; the routes of this one get none of its requests",
        group.port
    );
    let field = if object.kind == Kind::Service { "metadata.name" } else { "spec.hosts" };
    (object != other).then(|| Issue::error(object, field, "Overruled", message))
}

fn virtual_host_name(host: &Host, group: &Group) -> String {
    format!("{host}:{}", group.port)
}

/// The hosts of a group with all of their domains.
fn named<'g>(
    scope: &'g Scope<'_>,
    key: &'g RouteConfigKey,
    group: &'g Group,
) -> impl Iterator<Item = (&'g Host, Vec<String>)> {
    let foreign = group.hosts.iter().map(|host| (host, vec![domain::itself(host)]));
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
