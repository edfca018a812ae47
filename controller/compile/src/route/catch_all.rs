//! The last virtual host: what happens to hosts that no service has.

use std::time::Duration;

use heddle_model::{issue::Issue, mesh::OutboundMode, route::Destination};
use heddle_xds_api::envoy::config::route::v3::{
    DirectResponseAction, Route, RouteAction, RouteMatch, VirtualHost,
    route::Action,
    route_action::{ClusterSpecifier, MaxStreamDuration},
    route_match::PathSpecifier,
};

use crate::{envoy::duration::duration, listener::destination::cluster, name, scope::Scope};

/// Passes on, resolves or refuses, by the view's outbound policy.
pub(crate) fn virtual_host(scope: &Scope<'_>) -> VirtualHost {
    let (name, action) = match scope.seen.outbound.mode {
        OutboundMode::RegistryOnly => ("block_all", refuse()),
        OutboundMode::AllowAny => ("allow_any", pass_on(&any_cluster(scope))),
        OutboundMode::AllowAnyDynamicDns => ("allow_any_dynamic_dns", pass_on(name::DYNAMIC_DNS)),
    };
    let route = Route {
        name: name.into(),
        r#match: Some(RouteMatch { path_specifier: Some(PathSpecifier::Prefix("/".into())), ..RouteMatch::default() }),
        action: Some(action),
        ..Route::default()
    };
    VirtualHost {
        name: name.into(),
        domains: vec!["*".into()],
        routes: vec![route],
        include_request_attempt_count: true,
        ..VirtualHost::default()
    }
}

/// The cluster of unknown destinations: the original address, or the egress proxy that a Sidecar names.
pub(crate) fn any_cluster(scope: &Scope<'_>) -> String {
    match (scope.seen.outbound.mode, &scope.seen.outbound.egress_proxy) {
        (OutboundMode::RegistryOnly, _) => name::BLACK_HOLE.into(),
        (_, Some(proxy)) => egress_proxy(scope, proxy, &mut Vec::new()),
        (_, None) => name::PASSTHROUGH.into(),
    }
}

/// What is wrong with the egress proxy that a Sidecar names.
pub(crate) fn issues(scope: &Scope<'_>) -> Vec<Issue> {
    let mut issues = Vec::new();
    if let Some(proxy) = &scope.seen.outbound.egress_proxy {
        egress_proxy(scope, proxy, &mut issues);
    }
    issues
}

fn egress_proxy(scope: &Scope<'_>, proxy: &Destination, issues: &mut Vec<Issue>) -> String {
    let Some(sidecar) = &scope.seen.sidecar else { return name::PASSTHROUGH.into() };
    let place = (&sidecar.origin.object, "spec.outboundTrafficPolicy.egressProxy");
    cluster(scope, proxy, 0, place, issues)
}

fn refuse() -> Action {
    Action::DirectResponse(DirectResponseAction { status: 502, ..DirectResponseAction::default() })
}

fn pass_on(cluster: &str) -> Action {
    let stream =
        MaxStreamDuration { grpc_timeout_header_max: Some(duration(Duration::ZERO)), ..MaxStreamDuration::default() };
    Action::Route(RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.into())),
        timeout: Some(duration(Duration::ZERO)),
        max_stream_duration: Some(stream),
        ..RouteAction::default()
    })
}
