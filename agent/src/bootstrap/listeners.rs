//! The two static listeners: metrics and readiness.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::{Value, json};

use super::stats::PROMETHEUS_CLUSTER;

/// The cluster of the agent's pages.
pub(super) const AGENT_CLUSTER: &str = "agent";

/// The address of a socket.
pub(super) fn address(at: SocketAddr) -> Value {
    json!({"socket_address": {"address": at.ip(), "port_value": at.port()}})
}

/// The address for calls to a listener on `at` from the same pod. A listener on all addresses is also on loopback.
pub(crate) fn reachable(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

/// Serves Envoy's metrics from its admin interface, and no other page of it.
pub(super) fn prometheus(at: SocketAddr) -> Value {
    listener("prometheus", "stats", at, &json!({"path": "/stats/prometheus"}), PROMETHEUS_CLUSTER)
}

/// Serves the readiness of the agent. A response through Envoy also shows that Envoy serves.
pub(super) fn readiness(at: SocketAddr) -> Value {
    listener("readiness", "agent", at, &json!({"path": "/healthz/ready"}), AGENT_CLUSTER)
}

fn listener(name: &str, stat_prefix: &str, at: SocketAddr, path: &Value, cluster: &str) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "codec_type": "AUTO",
        "stat_prefix": stat_prefix,
        "http_filters": [router],
        "route_config": {
            "virtual_hosts": [{
                "name": "backend",
                "domains": ["*"],
                "routes": [{"match": path, "route": {"cluster": cluster}}],
            }],
        },
    });
    json!({
        "name": name,
        "address": address(at),
        "enable_reuse_port": false,
        "ignore_global_conn_limit": true,
        "filter_chains": [{
            "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
        }],
    })
}
