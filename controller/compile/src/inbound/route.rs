//! The routes of inbound ports: everything to the workload.

use std::time::Duration;

use heddle_xds_api::envoy::config::route::v3::{
    Decorator, Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost,
    route::Action,
    route_action::{ClusterSpecifier, MaxStreamDuration},
    route_match::PathSpecifier,
};

use super::port::InboundPort;
use crate::{envoy::duration::duration, route::inbound_retry};

/// The routes of a port, or of all that nothing declares.
pub(super) fn routes(port: Option<&InboundPort>, cluster: String) -> RouteConfiguration {
    let service_port = port.map_or(0, |port| port.service_port);
    let host = port.and_then(|port| port.services.first()).map(|s| s.host.to_string()).unwrap_or_default();
    let zero = duration(Duration::ZERO);
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.clone())),
        timeout: Some(zero),
        // gRPC has retries of its own, as istiod leaves them to its clients.
        retry_policy: (!port.is_some_and(|port| port.protocol.is_http2())).then(inbound_retry),
        max_stream_duration: Some(MaxStreamDuration {
            max_stream_duration: Some(zero),
            grpc_timeout_header_max: Some(zero),
            ..MaxStreamDuration::default()
        }),
        ..RouteAction::default()
    };
    let route = Route {
        name: "default".into(),
        r#match: Some(RouteMatch { path_specifier: Some(PathSpecifier::Prefix("/".into())), ..RouteMatch::default() }),
        action: Some(Action::Route(action)),
        decorator: Some(Decorator { operation: format!("{host}:{service_port}/*"), ..Decorator::default() }),
        ..Route::default()
    };
    RouteConfiguration {
        name: cluster,
        virtual_hosts: vec![VirtualHost {
            name: format!("inbound|http|{service_port}"),
            domains: vec!["*".into()],
            routes: vec![route],
            ..VirtualHost::default()
        }],
        validate_clusters: Some(false),
        ..RouteConfiguration::default()
    }
}
