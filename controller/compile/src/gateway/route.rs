//! Route configurations of gateways: one for all plain HTTP servers of a port, one for each HTTPS server.

use std::collections::BTreeMap;

use heddle_model::{host::Host, issue::Issue, object::ObjectRef};
use heddle_xds_api::envoy::config::route::v3::{RouteConfiguration, VirtualHost, virtual_host::TlsRequirementType};

use super::merge::{Bound, Ports};
use crate::{compiled::Compiled, memo::Memo, route::HostRoutesKey, scope::Scope};

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
    let mut hosts: BTreeMap<Host, VirtualHost> = BTreeMap::new();
    for bound in servers {
        compiled.sources.push(bound.gateway.origin.object.clone());
        serve(scope, bound, memo, &mut hosts, &mut compiled.issues, &mut compiled.sources);
    }
    compiled.value.virtual_hosts = hosts.into_values().collect();
    if compiled.value.virtual_hosts.is_empty() {
        compiled.value.virtual_hosts.push(VirtualHost {
            name: format!("blackhole:{port}"),
            domains: vec!["*".into()],
            ..VirtualHost::default()
        });
    }
    compiled
}

fn serve(
    scope: &Scope<'_>,
    bound: &Bound,
    memo: &Memo,
    hosts: &mut BTreeMap<Host, VirtualHost>,
    issues: &mut Vec<Issue>,
    sources: &mut Vec<std::sync::Arc<ObjectRef>>,
) {
    let redirect = bound.server().tls.as_ref().is_some_and(|tls| tls.https_redirect);
    for virtual_service in bound.virtual_services(scope).filter(|virtual_service| virtual_service.has_http) {
        let common = bound.hosts_for(virtual_service);
        if common.is_empty() {
            continue;
        }
        let Some(whole) = scope.tracked.virtual_service(&virtual_service.origin) else { continue };
        let gateways = [bound.reference()].into();
        let routes = memo.routes.get(&HostRoutesKey::of_virtual_service(scope, whole, bound.server().port, gateways));
        issues.extend(routes.issues.iter().cloned());
        sources.extend(routes.sources.iter().cloned());
        for host in common {
            let slot = hosts.entry(host.clone()).or_insert_with(|| virtual_host(&host, bound.server().port));
            // By way of another gateway of the same port it may have them already.
            let again = virtual_service.gateways.len() > 1
                && slot.routes.windows(routes.routes.len().max(1)).any(|of| *of == *routes.routes);
            if !again {
                slot.routes.extend(routes.routes.iter().cloned());
            }
            require_tls(slot, redirect);
        }
    }
    if redirect {
        for host in bound.hosts.iter().map(|h| &h.host) {
            require_tls(hosts.entry(host.clone()).or_insert_with(|| virtual_host(host, bound.server().port)), true);
        }
    }
}

fn virtual_host(host: &Host, port: u16) -> VirtualHost {
    VirtualHost {
        name: format!("{host}:{port}"),
        domains: vec![host.to_string()],
        include_request_attempt_count: true,
        ..VirtualHost::default()
    }
}

fn require_tls(host: &mut VirtualHost, redirect: bool) {
    if redirect {
        host.require_tls = TlsRequirementType::All.into();
    }
}
