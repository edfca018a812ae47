//! Envoy's bootstrap: the configuration that Envoy needs before it is connected to the control plane.
//!
//! All clusters here use a Unix socket or loopback. The static listeners have `enable_reuse_port: false`, because two
//! Envoys on one port would share its connections without an error.

mod listeners;
mod stats;

pub(crate) use listeners::reachable;

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::config::{Addresses, Config};

/// The cluster for xDS.
const XDS_CLUSTER: &str = "xds-grpc";
/// The cluster for SDS. Compiled listeners and clusters name it.
const SDS_CLUSTER: &str = "sds-grpc";

/// The bootstrap in Envoy's JSON.
#[must_use]
pub(crate) fn bootstrap(config: &Config) -> Value {
    json!({
        "node": node(config),
        "admin": {
            "address": listeners::address(config.addresses.admin),
            "ignore_global_conn_limit": true,
        },
        "stats_config": stats::config(config),
        "layered_runtime": runtime(config),
        "overload_manager": no_connection_limit(),
        "dynamic_resources": dynamic_resources(config.envoy.delta),
        "static_resources": {
            "clusters": clusters(&config.addresses),
            "listeners": [listeners::prometheus(config.addresses.prometheus),
                listeners::readiness(config.addresses.readiness)],
        },
    })
}

fn node(config: &Config) -> Value {
    let node = &config.node;
    let mut out = json!({"id": node.id, "cluster": node.cluster, "metadata": node.metadata});
    if let (Some(locality), Some(out)) = (&node.locality, out.as_object_mut()) {
        out.insert("locality".into(), locality.clone());
    }
    out
}

/// Envoy waits for the first response without limit: a proxy without listeners is better than one with wrong listeners.
/// Retries are fast, because the agent holds the call until there is a control plane.
fn dynamic_resources(delta: bool) -> Value {
    let from_ads = json!({"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"});
    json!({
        "lds_config": from_ads,
        "cds_config": from_ads,
        "ads_config": {
            "api_type": if delta { "DELTA_GRPC" } else { "GRPC" },
            "transport_api_version": "V3",
            "set_node_on_first_message_only": true,
            "grpc_services": [{
                "envoy_grpc": {
                    "cluster_name": XDS_CLUSTER,
                    "retry_policy": {"retry_back_off": {"base_interval": "0.1s", "max_interval": "2s"}},
                },
            }],
        },
    })
}

fn clusters(addresses: &Addresses) -> Value {
    json!([
        http(stats::PROMETHEUS_CLUSTER, &listeners::address(listeners::reachable(addresses.admin))),
        http(listeners::AGENT_CLUSTER, &listeners::address(listeners::reachable(addresses.status))),
        grpc(XDS_CLUSTER, &addresses.xds_socket),
        grpc(SDS_CLUSTER, &addresses.sds_socket),
    ])
}

fn http(name: &str, address: &Value) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.250s",
        "lb_policy": "ROUND_ROBIN",
        "load_assignment": load_assignment(name, address),
    })
}

fn grpc(name: &str, socket: &Path) -> Value {
    let threshold = |priority: &str| {
        json!({"priority": priority, "max_connections": 100_000,
        "max_pending_requests": 100_000, "max_requests": 100_000})
    };
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "ROUND_ROBIN",
        "circuit_breakers": {"thresholds": [threshold("DEFAULT"), threshold("HIGH")]},
        "load_assignment": load_assignment(name, &json!({"pipe": {"path": socket}})),
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        },
    })
}

fn load_assignment(name: &str, address: &Value) -> Value {
    json!({"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]})
}

/// Limits the program size of regular expressions from users. ProxyConfig may set further runtime values.
fn runtime(config: &Config) -> Value {
    let mut values = Map::from_iter([("re2.max_program_size.error_level".to_owned(), json!(32768))]);
    for (name, value) in &config.proxy.runtime_values {
        let typed = serde_json::from_str::<Value>(value).ok().filter(|typed| typed.is_number() || typed.is_boolean());
        values.insert(name.clone(), typed.unwrap_or_else(|| value.as_str().into()));
    }
    json!({"layers": [{"name": "global config", "static_layer": values}, {"name": "admin", "admin_layer": {}}]})
}

/// States that downstream connections have no limit of their own. File descriptors, memory and the limits of the pod
/// bound them.
fn no_connection_limit() -> Value {
    json!({
        "resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                "max_active_downstream_connections": i32::MAX,
            },
        }],
    })
}

#[cfg(test)]
mod tests;
