//! The Node that Envoy sends to the control plane: its identity, its locality, and the metadata that selects its
//! configuration.

use std::net::IpAddr;

use heddle_crds::mesh::ProxyConfig;
use serde_json::{Map, Value, json};

use crate::args::{NodeType, ProxyArgs};
use crate::config::pod_info;
use crate::config::{Addresses, ConfigError, Env};

/// Envoy's node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// `<type>~<ip>~<pod>.<namespace>~<domain>`.
    pub(crate) id: String,
    /// Envoy's `--service-cluster`.
    pub(crate) cluster: String,
    /// Region, zone and sub-zone, if the pod has the labels.
    pub(crate) locality: Option<Value>,
    /// The metadata that the control plane reads, as text or JSON.
    pub(crate) metadata: Map<String, Value>,
}

/// Builds the Node from the data of the pod.
///
/// # Errors
/// When an address or a JSON value in the environment is invalid.
pub(crate) fn node(
    args: &ProxyArgs,
    env: &Env,
    proxy_config: &ProxyConfig,
    addresses: &Addresses,
    namespace: &str,
) -> Result<Node, ConfigError> {
    let text = |name: &str, default: &str| {
        env.get(name).filter(|value| !value.is_empty()).map_or(default, |value| value).to_owned()
    };
    let pod = text("POD_NAME", "unknown");
    let ips = text("INSTANCE_IP", "127.0.0.1");
    let ip = ips.split(',').next().unwrap_or_default().trim();
    if ip.parse::<IpAddr>().is_err() {
        return Err(ConfigError::Value { name: "INSTANCE_IP", reason: format!("`{ip}` is not an address") });
    }
    let domain = args.domain.clone().unwrap_or_else(|| format!("{namespace}.svc.cluster.local"));
    let kind = match args.kind {
        NodeType::Sidecar => "sidecar",
        NodeType::Router => "router",
    };
    let mut metadata = given(env, proxy_config)?;
    let mut set = |name: &str, value: Value| {
        metadata.entry(name).or_insert(value);
    };
    set("NAME", pod.as_str().into());
    set("NAMESPACE", namespace.into());
    set("INSTANCE_IPS", ips.as_str().into());
    set("SERVICE_ACCOUNT", text("SERVICE_ACCOUNT", "default").into());
    set("ISTIO_VERSION", env!("CARGO_PKG_VERSION").into());
    set("CLUSTER_ID", "Kubernetes".into());
    set("ENVOY_STATUS_PORT", addresses.readiness.port().into());
    set("ENVOY_PROMETHEUS_PORT", addresses.prometheus.port().into());
    for (name, file) in [("LABELS", "labels"), ("ANNOTATIONS", "annotations")] {
        let read = pod_info::read(&args.pod_info.join(file));
        if !read.is_empty() {
            set(name, json!(read));
        }
    }
    if let Some(raw) = env.get("PROXY_CONFIG").and_then(|raw| serde_json::from_str(raw).ok()) {
        set("PROXY_CONFIG", raw);
    }
    let locality = locality(&metadata);
    let cluster = service_cluster(args, &metadata, namespace);
    Ok(Node { id: format!("{kind}~{ip}~{pod}.{namespace}~{domain}"), cluster, locality, metadata })
}

/// The metadata from the environment: `ISTIO_META_X=text`, and `ISTIO_METAJSON_X={…}` for JSON. The `proxyMetadata` of
/// ProxyConfig counts as environment, unless the environment sets it too.
fn given(env: &Env, proxy_config: &ProxyConfig) -> Result<Map<String, Value>, ConfigError> {
    let mut metadata = Map::new();
    for (name, value) in proxy_config.proxy_metadata.iter().chain(env) {
        if let Some(name) = name.strip_prefix("ISTIO_META_") {
            metadata.insert(name.to_owned(), value.as_str().into());
        } else if let Some(name) = name.strip_prefix("ISTIO_METAJSON_") {
            let value = serde_json::from_str(value)
                .map_err(|error| ConfigError::Value { name: "ISTIO_METAJSON_*", reason: format!("{name}: {error}") })?;
            metadata.insert(name.to_owned(), value);
        }
    }
    Ok(metadata)
}

/// `<app>.<namespace>`. Envoy's tracing and logs use this name of the workload.
fn service_cluster(args: &ProxyArgs, metadata: &Map<String, Value>, namespace: &str) -> String {
    let app = metadata.get("LABELS").and_then(|labels| labels.get("app")).and_then(Value::as_str);
    app.map_or_else(|| args.service_cluster.clone(), |app| format!("{app}.{namespace}"))
}

/// The label `istio-locality` is `region.zone.subzone`. A label cannot contain a slash, so a dot stands for it.
fn locality(metadata: &Map<String, Value>) -> Option<Value> {
    let label = metadata.get("LABELS")?.get("istio-locality")?.as_str()?;
    let separator = if label.contains('/') { '/' } else { '.' };
    let mut parts = label.splitn(3, separator);
    let mut locality = Map::new();
    for name in ["region", "zone", "sub_zone"] {
        if let Some(part) = parts.next().filter(|part| !part.is_empty()) {
            locality.insert(name.to_owned(), part.into());
        }
    }
    (!locality.is_empty()).then_some(Value::Object(locality))
}

#[cfg(test)]
mod tests;
