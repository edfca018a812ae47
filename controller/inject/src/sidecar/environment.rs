//! The proxy's environment: who the workload is, where the control plane is, and what it is told of the pod.

use serde_json::{Value, json};

use super::NodeType;
use crate::annotation as names;
use crate::plan::Plan;
use crate::pod::{Object, name};

/// The variables by name, in order; a later one of the same name takes the place of the earlier.
#[derive(Debug, Default)]
struct Variables(Object);

impl Variables {
    fn set(&mut self, name: &str, variable: Value) {
        self.0.insert(name.to_owned(), variable);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.set(name, json!({"name": name, "value": value}));
    }

    fn field(&mut self, name: &str, path: &str) {
        self.set(name, json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}));
    }
}

/// A variable of ProxyConfig's metadata.
pub(super) fn variable(name: &str, value: &Value) -> Value {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    json!({"name": name, "value": text})
}

/// The proxy's environment.
pub(crate) fn environment(plan: &Plan<'_>, kind: NodeType) -> Vec<Value> {
    let mut out = Variables::default();
    let settings = plan.settings;
    out.text("PILOT_CERT_PROVIDER", &settings.text("/global/pilotCertProvider", "istiod"));
    out.text("CA_ADDR", &ca_address(plan));
    out.field("POD_NAME", "metadata.name");
    out.field("POD_NAMESPACE", "metadata.namespace");
    out.field("INSTANCE_IP", "status.podIP");
    out.field("SERVICE_ACCOUNT", "spec.serviceAccountName");
    out.field("HOST_IP", "status.hostIP");
    let limit = json!({"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1"}});
    out.set("ISTIO_CPU_LIMIT", json!({"name": "ISTIO_CPU_LIMIT", "valueFrom": limit}));
    out.text("PROXY_CONFIG", &proxy_config(plan));
    out.text("ISTIO_META_POD_PORTS", &ports(plan));
    out.text("ISTIO_META_APP_CONTAINERS", &plan.app_containers().map(name).collect::<Vec<_>>().join(","));
    out.text("ISTIO_META_CLUSTER_ID", &settings.text("/global/multiCluster/clusterName", "Kubernetes"));
    out.field("ISTIO_META_NODE_NAME", "spec.nodeName");
    let mode = if kind == NodeType::Router { "NONE" } else { plan.interception.as_str() };
    out.text("ISTIO_META_INTERCEPTION_MODE", mode);
    workload(plan, &mut out);
    let trust_domain = settings.trust_domain();
    out.text("ISTIO_META_MESH_ID", &settings.text("/global/meshID", &trust_domain));
    out.text("TRUST_DOMAIN", &trust_domain);
    if settings.calls_loopback() {
        out.text("REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION", "true");
    }
    given(plan, &mut out);
    out.0.into_iter().map(|(_, variable)| variable).collect()
}

fn workload(plan: &Plan<'_>, out: &mut Variables) {
    let (workload, namespace) = (&plan.workload, plan.namespace);
    if !workload.name.is_empty() {
        out.text("ISTIO_META_WORKLOAD_NAME", &workload.name);
        let (version, kind, name) = (&workload.api_version, workload.kind.to_lowercase(), &workload.name);
        out.text("ISTIO_META_OWNER", &format!("kubernetes://apis/{version}/namespaces/{namespace}/{kind}s/{name}"));
    }
}

/// What annotations, the ProxyConfig and the webhook's path give by name.
fn given(plan: &Plan<'_>, out: &mut Variables) {
    if plan.annotation(names::BOOTSTRAP).is_some() {
        out.text("ISTIO_BOOTSTRAP_OVERRIDE", "/etc/istio/custom-bootstrap/custom_bootstrap.json");
    }
    let datadog = plan.annotation(names::DATADOG).and_then(|text| serde_json::from_str::<Object>(text).ok());
    let metadata = plan.config.get("proxyMetadata").and_then(Value::as_object).cloned();
    for (name, value) in datadog.into_iter().chain(metadata).flatten() {
        out.set(&name, variable(&name, &value));
    }
    for (name, value) in &plan.context.environment {
        out.text(name, value);
    }
    if let Some(network) = plan.network() {
        out.text("ISTIO_META_NETWORK", &network);
    }
}

fn ca_address(plan: &Plan<'_>) -> String {
    let namespace = plan.settings.text("/global/istioNamespace", "istio-system");
    let suffix = if plan.revision == "default" { String::new() } else { format!("-{}", plan.revision) };
    plan.settings.text("/global/caAddress", &format!("istiod{suffix}.{namespace}.svc:15012"))
}

/// The pod's ProxyConfig, with the port of the agent's pages where it is not the usual one.
fn proxy_config(plan: &Plan<'_>) -> String {
    let mut config = plan.config.clone();
    if plan.status_port != 0 && (plan.status_port != 15020 || config.contains_key("statusPort")) {
        config.insert("statusPort".to_owned(), plan.status_port.into());
    }
    Value::Object(config).to_string()
}

/// The ports that the application says it serves.
fn ports(plan: &Plan<'_>) -> String {
    let all = plan.app_containers().filter_map(|container| container.get("ports")?.as_array()).flatten();
    Value::Array(all.cloned().collect()).to_string()
}
