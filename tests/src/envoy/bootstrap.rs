//! Bootstraps made from compiled resources, for `envoy --mode validate`, which looks at static resources only.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// The clusters that the real bootstrap of a proxy has and compiled resources refer to.
const BOOTSTRAP_CLUSTERS: [&str; 3] = ["xds-grpc", "sds-grpc", "prometheus_stats"];

/// A bootstrap that holds `{"clusters": [], "listeners": [], "routes": [], "endpoints": []}` as static resources:
/// route configurations are put where a listener asks for them by name, and so are endpoints. A name that
/// `routes` lacks is an error. Envoy checks then that every route's cluster exists.
pub fn from_resources(node: &Value, resources: &Value) -> Result<Value> {
    let routes = by_name(resources, "routes", "name");
    let mut listeners = array(resources, "listeners");
    for listener in &mut listeners {
        inline_routes(listener, &routes).with_context(|| format!("listener {}", listener["name"]))?;
    }
    let mut clusters = array(resources, "clusters");
    for name in BOOTSTRAP_CLUSTERS {
        if !clusters.iter().any(|cluster| cluster["name"] == name) {
            clusters.push(upstream(name));
        }
    }
    let ads = json!({"api_type": "GRPC", "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}]});
    Ok(json!({
        "node": node,
        "dynamic_resources": {"ads_config": ads},
        "static_resources": {"clusters": clusters, "listeners": listeners},
    }))
}

/// Replaces each `rds` below `value` by the route configuration that it names.
fn inline_routes(value: &mut Value, routes: &Map<String, Value>) -> Result<()> {
    match value {
        Value::Object(fields) => {
            if let Some(rds) = fields.remove("rds") {
                let name = rds["routeConfigName"].as_str().context("rds without routeConfigName")?;
                let config = routes.get(name).with_context(|| format!("route configuration {name} does not exist"))?;
                fields.insert("routeConfig".to_owned(), config.clone());
            }
            fields.values_mut().try_for_each(|inner| inline_routes(inner, routes))
        }
        Value::Array(items) => items.iter_mut().try_for_each(|inner| inline_routes(inner, routes)),
        _ => Ok(()),
    }
}

fn array(resources: &Value, kind: &str) -> Vec<Value> {
    resources[kind].as_array().cloned().unwrap_or_default()
}

fn by_name(resources: &Value, kind: &str, key: &str) -> Map<String, Value> {
    let named = |value: Value| value[key].as_str().map(str::to_owned).map(|name| (name, value));
    array(resources, kind).into_iter().filter_map(named).collect()
}

fn upstream(name: &str) -> Value {
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": 1}});
    json!({
        "name": name, "type": "STATIC", "connect_timeout": "1s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }},
        "load_assignment": {"cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
    })
}
