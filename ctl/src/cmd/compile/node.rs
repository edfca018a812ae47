//! The Node that the agent of a pod sends: made of the environment of the pod's proxy, as the agent makes it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use heddle_inject::PROXY;
use serde_json::{Map, Value, json};

/// The ports of the agent and of Envoy, unless the environment says others.
const PORTS: [(&str, u16); 2] = [("ENVOY_STATUS_PORT", 15021), ("ENVOY_PROMETHEUS_PORT", 15090)];

/// The proxy's container.
pub(super) fn container(pod: &Value) -> Option<&Value> {
    let lists = ["containers", "initContainers"].map(|list| pod["spec"][list].as_array());
    lists.into_iter().flatten().flatten().find(|container| container["name"] == PROXY)
}

/// The Node of a pod's proxy.
pub(super) fn node(pod: &Value) -> Result<Value> {
    let container = container(pod).with_context(|| format!("the pod has no container {PROXY}"))?;
    let meta = &pod["metadata"];
    let [name, namespace] = ["name", "namespace"].map(|key| meta[key].as_str().unwrap_or_default());
    let ip = pod["status"]["podIP"].as_str().context("the pod has no IP address yet; it gets one when it starts")?;
    let environment = environment(pod, container);
    let (kind, domain) = arguments(container, &environment);
    let domain = domain.unwrap_or_else(|| format!("{namespace}.svc.cluster.local"));
    let mut metadata = given(&environment)?;
    let mut set = |key: &str, value: Value| {
        metadata.entry(key).or_insert(value);
    };
    let ips = pod["status"]["podIPs"].as_array().into_iter().flatten();
    let ips: Vec<&str> = ips.filter_map(|entry| entry["ip"].as_str()).collect();
    set("NAME", name.into());
    set("NAMESPACE", namespace.into());
    set("INSTANCE_IPS", if ips.is_empty() { ip.into() } else { ips.join(",").into() });
    set("SERVICE_ACCOUNT", pod["spec"]["serviceAccountName"].as_str().unwrap_or("default").into());
    set("CLUSTER_ID", "Kubernetes".into());
    for (key, port) in PORTS {
        set(key, port.into());
    }
    for (key, from) in [("LABELS", "labels"), ("ANNOTATIONS", "annotations")] {
        if meta[from].is_object() {
            set(key, meta[from].clone());
        }
    }
    if let Some(config) = proxy_config(&environment) {
        set("PROXY_CONFIG", config);
    }
    let app =
        meta["labels"]["app"].as_str().map_or_else(|| "istio-proxy".to_owned(), |app| format!("{app}.{namespace}"));
    let mut node = json!({"id": format!("{kind}~{ip}~{name}.{namespace}~{domain}"), "cluster": app});
    if let Some(locality) = meta["labels"]["istio-locality"].as_str() {
        node["locality"] = locality_of(locality);
    }
    node["metadata"] = metadata.into();
    Ok(node)
}

/// The environment of the container: its values, and the fields of the pod that it refers to.
fn environment(pod: &Value, container: &Value) -> BTreeMap<String, String> {
    let variables = container["env"].as_array().into_iter().flatten();
    let value = |variable: &Value| {
        let field = || variable["valueFrom"]["fieldRef"]["fieldPath"].as_str().and_then(|path| field(pod, path));
        variable["value"].as_str().map(str::to_owned).or_else(field)
    };
    variables.filter_map(|variable| Some((variable["name"].as_str()?.to_owned(), value(variable)?))).collect()
}

/// A field of the pod by a path such as `metadata.name` or `metadata.labels['app']`.
fn field(pod: &Value, path: &str) -> Option<String> {
    let (path, key) = path.split_once("['").map_or((path, None), |(path, rest)| (path, rest.strip_suffix("']")));
    let at = path.split('.').fold(pod, |at, name| &at[name]);
    key.map_or(at, |key| &at[key]).as_str().map(str::to_owned)
}

/// The type of the proxy and its domain, from `proxy sidecar --domain $(POD_NAMESPACE).svc.cluster.local`.
fn arguments(container: &Value, environment: &BTreeMap<String, String>) -> (&'static str, Option<String>) {
    let arguments: Vec<&str> = container["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let kind = if arguments.get(1) == Some(&"router") { "router" } else { "sidecar" };
    let mut domain = arguments.iter().position(|argument| *argument == "--domain");
    let domain = domain.take().and_then(|at| arguments.get(at + 1)).map(|text| {
        environment.iter().fold((*text).to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
    });
    (kind, domain)
}

/// The metadata in the environment, after that in the ProxyConfig.
fn given(environment: &BTreeMap<String, String>) -> Result<Map<String, Value>> {
    let config = proxy_config(environment).unwrap_or_default();
    let config = config["proxyMetadata"].as_object().into_iter().flatten();
    let config = config.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    let mut metadata = Map::new();
    for (name, value) in config.chain(environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))) {
        if let Some(name) = name.strip_prefix("ISTIO_META_") {
            metadata.insert(name.to_owned(), value.into());
        } else if let Some(name) = name.strip_prefix("ISTIO_METAJSON_") {
            let value = serde_json::from_str(value).with_context(|| format!("ISTIO_METAJSON_{name} is not JSON"))?;
            metadata.insert(name.to_owned(), value);
        }
    }
    Ok(metadata)
}

fn proxy_config(environment: &BTreeMap<String, String>) -> Option<Value> {
    serde_json::from_str(environment.get("PROXY_CONFIG")?).ok()
}

/// The label `istio-locality` is `region.zone.subzone`, or has slashes.
fn locality_of(label: &str) -> Value {
    let separator = if label.contains('/') { '/' } else { '.' };
    let parts = ["region", "zone", "sub_zone"].into_iter().zip(label.splitn(3, separator));
    let parts = parts.filter(|(_, part)| !part.is_empty());
    Value::Object(parts.map(|(name, part)| (name.to_owned(), part.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_a_pod_becomes_its_node() {
        let pod = json!({
            "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web", "istio-locality": "eu.a"}},
            "spec": {"serviceAccountName": "web", "nodeName": "node1", "containers": [{"name": "web"}],
                "initContainers": [{"name": "istio-proxy",
                    "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.mesh.local"],
                    "env": [
                        {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                        {"name": "ISTIO_META_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                        {"name": "ISTIO_META_APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                        {"name": "ISTIO_META_CLUSTER_ID", "value": "east"},
                        {"name": "PROXY_CONFIG", "value":
                            r#"{"proxyMetadata":{"ISTIO_META_DNS_CAPTURE":"true","ISTIO_META_CLUSTER_ID":"west"}}"#},
                    ]}]},
            "status": {"podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}, {"ip": "fd00::7"}]},
        });
        let node = node(&pod).unwrap();
        assert_eq!(node["id"], "sidecar~10.0.0.7~web-1.shop~shop.svc.mesh.local");
        assert_eq!(node["locality"], json!({"region": "eu", "zone": "a"}));
        for (key, want) in [
            ("NAMESPACE", json!("shop")),
            ("SERVICE_ACCOUNT", json!("web")),
            ("INSTANCE_IPS", json!("10.0.0.7,fd00::7")),
            ("NODE_NAME", json!("node1")),
            ("APP", json!("web")),
            ("CLUSTER_ID", json!("east")),
            ("DNS_CAPTURE", json!("true")),
            ("LABELS", json!({"app": "web", "istio-locality": "eu.a"})),
        ] {
            assert_eq!(node["metadata"][key], want, "{key}");
        }
    }

    #[test]
    fn a_pod_without_an_address_has_no_node() {
        let pod =
            json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"containers": [{"name": "istio-proxy"}]}});
        assert!(node(&pod).unwrap_err().to_string().contains("no IP address"));
    }
}
