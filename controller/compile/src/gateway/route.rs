//! Route configurations of gateways: one for all plain HTTP servers of a port, one for each HTTPS server.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    host::Host,
    issue::Issue,
    limit::MAX_ROUTES,
    object::{ObjectRef, Origin},
    route::Reach,
};
use heddle_xds_api::envoy::config::route::v3::{
    FilterConfig, Route, RouteConfiguration, VirtualHost, virtual_host::TlsRequirementType,
};

use super::merge::{Bound, Ports};
use crate::{
    compiled::Compiled,
    envoy::any::any,
    listener::filter::GRPC_WEB,
    memo::Memo,
    route::{HostRoutesKey, RouteEntries, matcher::is_catch_all},
    scope::Scope,
};

/// Largest body of a direct response.
const DIRECT_RESPONSE_BYTES: u32 = 1 << 20;

/// The route configurations of a gateway proxy.
pub(crate) fn route_configurations(scope: &Scope<'_>, ports: &Ports, memo: &Memo) -> Vec<Compiled<RouteConfiguration>> {
    let mut by_name: BTreeMap<String, Vec<&Bound>> = BTreeMap::new();
    for bound in ports.values().flatten().filter(|bound| bound.routes_http()) {
        by_name.entry(bound.route_name()).or_default().push(bound);
    }
    by_name.into_iter().map(|(name, servers)| configuration(scope, name, &servers, memo)).collect()
}

fn configuration(scope: &Scope<'_>, name: String, servers: &[&Bound], memo: &Memo) -> Compiled<RouteConfiguration> {
    let port = servers.first().map_or(0, |bound| bound.server().port);
    let mut compiled = Compiled::new(RouteConfiguration {
        name,
        validate_clusters: Some(false),
        max_direct_response_body_size_bytes: Some(DIRECT_RESPONSE_BYTES),
        ignore_port_in_host_matching: true,
        ..RouteConfiguration::default()
    });
    let mut hosts: BTreeMap<Host, Merging> = BTreeMap::new();
    let mut counted: BTreeMap<Origin, usize> = BTreeMap::new();
    for bound in servers {
        compiled.sources.push(bound.gateway.origin.object.clone());
        serve(scope, bound, memo, (&mut hosts, &mut counted), &mut compiled);
    }
    let has_grpc_web = servers.iter().any(|bound| bound.takes_grpc_web());
    compiled.value.virtual_hosts = hosts.into_values().map(|merging| merging.finish(has_grpc_web)).collect();
    if compiled.value.virtual_hosts.is_empty() {
        compiled.value.virtual_hosts.push(VirtualHost {
            name: format!("blackhole:{port}"),
            domains: vec!["*".into()],
            ..VirtualHost::default()
        });
    }
    compiled
}

/// A virtual host to which VirtualServices add their routes, the oldest first.
struct Merging {
    host: VirtualHost,
    /// What was added, for a VirtualService may come by way of several gateways of one port.
    added: Vec<Arc<RouteEntries>>,
    /// The oldest route that takes every request, with its VirtualService. It is the last route, as in Istio.
    last: Option<(Route, Arc<ObjectRef>)>,
    /// Whether a server that it is of takes gRPC-Web.
    takes_grpc_web: bool,
}

impl Merging {
    fn new(host: &Host, port: u16) -> Self {
        Self { host: virtual_host(host, port), added: Vec::new(), last: None, takes_grpc_web: false }
    }

    /// Adds the routes of a VirtualService. If an older one has a route that takes every request, that of this one
    /// never gets any. That is an issue unless the host of this one is a wider one, which leaves more specific hosts to
    /// others.
    fn add(&mut self, host: &Host, routes: &Arc<RouteEntries>, virtual_service: &Reach) -> Option<Issue> {
        if self.added.iter().any(|known| known.routes == routes.routes) {
            return None;
        }
        self.added.push(routes.clone());
        let object = &virtual_service.origin.object;
        for route in &routes.routes {
            if !is_catch_all(route) {
                self.host.routes.push(route.clone());
                continue;
            }
            let Some((_, older)) = &self.last else {
                self.last = Some((route.clone(), object.clone()));
                continue;
            };
            let message = format!(
                "the older {older} takes every request to {host} that no other rule takes; the last rule of this one \
                 gets none"
            );
            let is_meant = older == object || !virtual_service.hosts.contains(host);
            return (!is_meant).then(|| Issue::error(object, "spec.http", "Overruled", message));
        }
        None
    }

    fn require_tls(&mut self) {
        self.host.require_tls = TlsRequirementType::All.into();
    }

    /// The virtual host, for a chain with or without the filter of gRPC-Web.
    fn finish(mut self, has_grpc_web: bool) -> VirtualHost {
        self.host.routes.extend(self.last.map(|(route, _)| route));
        if has_grpc_web && !self.takes_grpc_web {
            let off = FilterConfig { disabled: true, ..FilterConfig::default() };
            self.host.typed_per_filter_config.insert(GRPC_WEB.to_owned(), any(&off));
        }
        self.host
    }
}

fn serve(
    scope: &Scope<'_>,
    bound: &Bound,
    memo: &Memo,
    (hosts, counted): (&mut BTreeMap<Host, Merging>, &mut BTreeMap<Origin, usize>),
    compiled: &mut Compiled<RouteConfiguration>,
) {
    let port = bound.server().port;
    let redirects = bound.server().tls.as_ref().is_some_and(|tls| tls.https_redirect);
    for virtual_service in bound.virtual_services(scope).filter(|virtual_service| virtual_service.has_http) {
        let mut common = bound.hosts_for(virtual_service);
        if common.is_empty() {
            continue;
        }
        let Some(whole) = scope.tracked.virtual_service(&virtual_service.origin) else { continue };
        let gateways = [bound.reference()].into();
        let routes = memo.routes.get(&HostRoutesKey::of_virtual_service(scope, whole, port, gateways));
        compiled.issues.extend(routes.issues.iter().cloned());
        compiled.sources.extend(routes.sources.iter().cloned());
        let count = counted.entry(virtual_service.origin.clone()).or_default();
        compiled.issues.extend(keep_within(&mut common, count, routes.routes.len(), virtual_service));
        for host in common {
            let merging = hosts.entry(host.clone()).or_insert_with(|| Merging::new(&host, port));
            compiled.issues.extend(merging.add(&host, &routes, virtual_service));
            merging.takes_grpc_web |= bound.takes_grpc_web();
            if redirects {
                merging.require_tls();
            }
        }
    }
    for host in bound.hosts.iter().map(|h| &h.host).filter(|_| redirects) {
        hosts.entry(host.clone()).or_insert_with(|| Merging::new(host, port)).require_tls();
    }
}

/// Keeps as many hosts of a VirtualService as may have its routes. A wildcard may cover all hosts of all servers.
fn keep_within(hosts: &mut Vec<Host>, count: &mut usize, routes: usize, virtual_service: &Reach) -> Option<Issue> {
    let most = (MAX_ROUTES / routes.max(1)).max(1);
    let wanted = *count + hosts.len();
    hosts.truncate(most.saturating_sub(*count));
    *count += hosts.len();
    (wanted > most).then(|| {
        let message = format!(
            "its hosts and {routes} HTTP routes become more than {MAX_ROUTES} routes on the servers of a port; only \
             the first {most} hosts count"
        );
        Issue::error(&virtual_service.origin.object, "spec.hosts", "TooManyRoutes", message)
    })
}

fn virtual_host(host: &Host, port: u16) -> VirtualHost {
    VirtualHost {
        name: format!("{host}:{port}"),
        domains: vec![host.to_string()],
        include_request_attempt_count: true,
        ..VirtualHost::default()
    }
}
