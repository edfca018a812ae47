//! HTTP connection managers: how a connection's requests are read, filtered and routed.

use std::time::Duration;

use heddle_model::mesh::{Mesh, Normalization};
use heddle_xds_api::envoy::{
    config::{
        core::v3::{Http1ProtocolOptions, HttpProtocolOptions},
        listener::v3::Filter,
        route::v3::RouteConfiguration,
    },
    extensions::{
        filters::{
            http::{
                cors::v3::Cors,
                dynamic_forward_proxy::v3::{
                    FilterConfig as DynamicForwardProxy, filter_config::ImplementationSpecifier,
                },
                fault::v3::HttpFault,
                grpc_stats::v3::FilterConfig as GrpcStats,
                router::v3::Router,
            },
            network::http_connection_manager::v3::{
                HttpConnectionManager, HttpFilter, Rds, RequestIdExtension,
                http_connection_manager::{
                    ForwardClientCertDetails, PathWithEscapedSlashesAction, RouteSpecifier,
                    SetCurrentClientCertDetails, UpgradeConfig,
                },
                http_filter::ConfigType,
            },
        },
        request_id::uuid::v3::UuidRequestIdConfig,
    },
};

use super::{access_log::access_log, tcp::filter, upstream_alpn};
use crate::{
    envoy::{any::any, cluster as clusters, duration::duration, source},
    view::ViewKey,
};

/// A connection manager to be made.
#[derive(Clone, Debug)]
pub struct Http {
    /// Prefix of its statistics.
    pub stat_prefix: String,
    /// Its routes.
    pub routes: RouteSource,
    /// Which way requests go.
    pub direction: Direction,
    /// Some route resolves the host asked for.
    pub dynamic_dns: bool,
    /// Requests carry absolute URLs (forward proxy).
    pub forward_proxy: bool,
}

/// Where the routes come from.
#[derive(Clone, Debug)]
pub enum RouteSource {
    /// Our stream, by name.
    Named(String),
    /// Here.
    Inline(Box<RouteConfiguration>),
}

/// Which way requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the workload into the mesh.
    Outbound,
    /// To the workload.
    Inbound,
    /// Into or out of the mesh at a gateway.
    Gateway,
}

/// The connection manager's filter.
#[must_use]
pub fn http(mesh: &Mesh, view: &ViewKey, spec: Http) -> Filter {
    let mut config = HttpConnectionManager {
        stat_prefix: spec.stat_prefix.clone(),
        http_filters: http_filters(view, &spec),
        access_log: access_log(mesh),
        stream_idle_timeout: Some(duration(Duration::ZERO)),
        use_remote_address: Some(spec.direction == Direction::Gateway),
        proxy_100_continue: true,
        upgrade_configs: vec![UpgradeConfig { upgrade_type: "websocket".into(), ..UpgradeConfig::default() }],
        request_id_extension: Some(RequestIdExtension {
            typed_config: Some(any(&UuidRequestIdConfig {
                use_request_id_for_trace_sampling: Some(true),
                ..UuidRequestIdConfig::default()
            })),
        }),
        ..HttpConnectionManager::default()
    };
    normalize(mesh, &mut config);
    identify(mesh, spec.direction, &mut config);
    config.http_protocol_options = http1(view, spec.forward_proxy);
    if view.idle_timeout_seconds > 0 {
        config.common_http_protocol_options = Some(HttpProtocolOptions {
            idle_timeout: Some(duration(Duration::from_secs(view.idle_timeout_seconds))),
            ..HttpProtocolOptions::default()
        });
    }
    config.route_specifier = Some(match spec.routes {
        RouteSource::Named(name) => {
            RouteSpecifier::Rds(Rds { config_source: Some(source::ads()), route_config_name: name })
        }
        RouteSource::Inline(routes) => RouteSpecifier::RouteConfig(*routes),
    });
    filter("envoy.filters.network.http_connection_manager", &config)
}

fn http_filters(view: &ViewKey, spec: &Http) -> Vec<HttpFilter> {
    let stats = GrpcStats { emit_filter_state: true, ..GrpcStats::default() };
    let mut filters = vec![http_filter("envoy.filters.http.grpc_stats", &stats)];
    if spec.direction != Direction::Inbound {
        filters.push(upstream_alpn::filter(view));
    }
    filters.push(http_filter("envoy.filters.http.fault", &HttpFault::default()));
    filters.push(http_filter("envoy.filters.http.cors", &Cors::default()));
    if spec.dynamic_dns {
        let family = clusters::family(view.ipv4, view.ipv6);
        let cache = clusters::dns_cache(clusters::ANY_DNS_CACHE, family);
        let config = DynamicForwardProxy {
            implementation_specifier: Some(ImplementationSpecifier::DnsCacheConfig(cache)),
            ..DynamicForwardProxy::default()
        };
        filters.push(http_filter("envoy.filters.http.dynamic_forward_proxy", &config));
    }
    filters.push(http_filter("envoy.filters.http.router", &Router::default()));
    filters
}

fn http_filter<M: prost::Name>(name: &str, config: &M) -> HttpFilter {
    HttpFilter { name: name.into(), config_type: Some(ConfigType::TypedConfig(any(config))), ..HttpFilter::default() }
}

fn normalize(mesh: &Mesh, config: &mut HttpConnectionManager) {
    config.normalize_path = Some(mesh.normalization != Normalization::None);
    config.merge_slashes =
        matches!(mesh.normalization, Normalization::MergeSlashes | Normalization::DecodeAndMergeSlashes);
    let slashes = match mesh.normalization {
        Normalization::DecodeAndMergeSlashes => PathWithEscapedSlashesAction::UnescapeAndForward,
        _ => PathWithEscapedSlashesAction::KeepUnchanged,
    };
    config.path_with_escaped_slashes_action = slashes.into();
}

/// What is told of the client's certificate. At the edge nothing that a client claims is believed.
fn identify(mesh: &Mesh, direction: Direction, config: &mut HttpConnectionManager) {
    let details = |cert: bool| SetCurrentClientCertDetails {
        subject: Some(true),
        cert,
        dns: true,
        uri: true,
        ..SetCurrentClientCertDetails::default()
    };
    match direction {
        Direction::Outbound => {}
        Direction::Inbound => {
            config.server_name = "istio-envoy".into();
            config.forward_client_cert_details = ForwardClientCertDetails::AppendForward.into();
            config.set_current_client_cert_details = Some(details(false));
        }
        Direction::Gateway => {
            config.server_name = "istio-envoy".into();
            config.xff_num_trusted_hops = mesh.proxy.trusted_proxies;
            let forward = match &*mesh.proxy.forward_client_cert {
                "SANITIZE" => ForwardClientCertDetails::Sanitize,
                "FORWARD_ONLY" => ForwardClientCertDetails::ForwardOnly,
                "APPEND_FORWARD" => ForwardClientCertDetails::AppendForward,
                "ALWAYS_FORWARD_ONLY" => ForwardClientCertDetails::AlwaysForwardOnly,
                _ => ForwardClientCertDetails::SanitizeSet,
            };
            config.forward_client_cert_details = forward.into();
            config.set_current_client_cert_details = Some(details(true));
        }
    }
}

fn http1(view: &ViewKey, forward_proxy: bool) -> Option<Http1ProtocolOptions> {
    (view.http10 || forward_proxy).then(|| Http1ProtocolOptions {
        accept_http_10: view.http10,
        allow_absolute_url: forward_proxy.then_some(true),
        ..Http1ProtocolOptions::default()
    })
}
