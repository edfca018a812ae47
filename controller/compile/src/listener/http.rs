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
        filters::network::http_connection_manager::v3::{
            HttpConnectionManager, Rds, RequestIdExtension,
            http_connection_manager::{
                ForwardClientCertDetails, PathWithEscapedSlashesAction, RouteSpecifier, SetCurrentClientCertDetails,
                UpgradeConfig,
            },
        },
        request_id::uuid::v3::UuidRequestIdConfig,
    },
};

use super::{
    access_log::access_log,
    filter::{Direction, HttpProxy, Needs, Surroundings, http_filters},
    tcp::filter,
};
use crate::envoy::{any::any, duration::duration, http1::header_key_format, source};

/// A connection manager to be made.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    /// Prefix of its statistics.
    pub(crate) stat_prefix: String,
    /// Its routes.
    pub(crate) routes: RouteSource,
    /// What its requests need of the filters.
    pub(crate) needs: Needs,
    /// Requests carry absolute URLs (forward proxy).
    pub(crate) forward_proxy: bool,
}

/// Where the routes come from.
#[derive(Clone, Debug)]
pub(crate) enum RouteSource {
    /// Our stream, by name.
    Named(String),
    /// Here.
    Inline(Box<RouteConfiguration>),
}

/// The connection manager's filter.
pub(crate) fn http(at: &Surroundings<'_>, spec: Http) -> Filter {
    let mesh = at.mesh;
    let mut config = HttpConnectionManager {
        stat_prefix: spec.stat_prefix.clone(),
        http_filters: http_filters(at, spec.needs),
        access_log: access_log(mesh),
        stream_idle_timeout: Some(duration(Duration::ZERO)),
        use_remote_address: Some(at.direction == Direction::Gateway),
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
    identify(mesh, at.direction, &mut config);
    config.http_protocol_options = http1(mesh, at.proxy, spec.forward_proxy);
    if at.proxy.idle_timeout_seconds > 0 {
        config.common_http_protocol_options = Some(HttpProtocolOptions {
            idle_timeout: Some(duration(Duration::from_secs(at.proxy.idle_timeout_seconds))),
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

fn http1(mesh: &Mesh, proxy: HttpProxy, forward_proxy: bool) -> Option<Http1ProtocolOptions> {
    let options = Http1ProtocolOptions {
        accept_http_10: proxy.http10,
        allow_absolute_url: forward_proxy.then_some(true),
        header_key_format: header_key_format(mesh),
        ..Http1ProtocolOptions::default()
    };
    (options != Http1ProtocolOptions::default()).then_some(options)
}
