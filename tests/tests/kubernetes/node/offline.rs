//! The same pods without a webhook: `heddlectl kube-inject` puts the sidecars into what is applied.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::node::Node;
use heddle_tests::http::Call;
use heddle_tests::pods::{SOON, kubectl, until_ready};
use heddle_tests::process::eventually;
use heddle_tests::product;
use serde_json::{Value, json};

const WORKLOADS: &str = "deploy/samples/bookinfo/kubernetes/deployments.yaml";
/// What heddlectl is to know: its flag, and the ConfigMap and the key where the cluster has it.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("--mesh-config", "istio", "mesh"),
    ("--values", "istio-sidecar-injector", "values"),
    ("--inject-config", "istio-sidecar-injector", "config"),
];

/// Pods that go through the webhook a second time are what they were.
pub(super) async fn injected_twice(node: &Node) -> Result<String> {
    let api = node.cluster.api().await?;
    let pods = pods(node).await?;
    for (name, pod) in &pods {
        let mut again = json!({"apiVersion": "v1", "kind": "Pod", "spec": pod["spec"], "metadata": {}});
        for key in ["generateName", "ownerReferences", "labels", "annotations"] {
            again["metadata"][key] = pod["metadata"][key].clone();
        }
        let answer = api.post("/api/v1/namespaces/default/pods?dryRun=All", &again).await?;
        ensure!(answer.accepted(), "{name}: {}", answer.message());
        same(name, pod, &answer.body)?;
    }
    Ok(format!("{} pods are injected a second time, and are what they were", pods.len()))
}

pub(super) async fn without_a_webhook(node: &Node, page: &Call) -> Result<String> {
    let before = pods(node).await?;
    kubectl(node, &["delete", "mutatingwebhookconfiguration", "istio-sidecar-injector"], "")?;
    kubectl(node, &["delete", "-f", WORKLOADS, "--wait=false"], "")?;
    until_ready(node, "default", "", &[]).await?;
    let mut inject = product::heddlectl(["kube-inject", "-f", WORKLOADS])?;
    inject.current_dir(product::root()?);
    for (flag, map, key) in SETTINGS {
        let path = format!("jsonpath={{.data.{key}}}");
        let file = node.cluster.folder().join(format!("injection-{key}"));
        std::fs::write(&file, kubectl(node, &["get", "configmap", map, "-n", "istio-system", "-o", &path], "")?)?;
        inject.arg(flag).arg(file);
    }
    let out = inject.output()?;
    ensure!(out.status.success(), "heddlectl kube-inject: {}", String::from_utf8_lossy(&out.stderr));
    kubectl(node, &["apply", "-f", "-"], &String::from_utf8(out.stdout)?)?;
    until_ready(node, "default", "", &["2/2"; 6]).await?;
    eventually("answer through the gateway", SOON, async || page.succeeds().await).await?;
    let after = pods(node).await?;
    for (name, pod) in &before {
        same(name, pod, after.get(name).with_context(|| format!("{name} is gone"))?)?;
    }
    Ok("heddlectl kube-inject without a webhook: six pods are 2/2, answer, and are those that the webhook made"
        .to_owned())
}

/// The sample's pods, by app and version.
async fn pods(node: &Node) -> Result<BTreeMap<String, Value>> {
    let mut pods = node.pods("default", "app").await?;
    pods.retain(|pod| pod.object["metadata"]["deletionTimestamp"].is_null());
    let named = pods.into_iter().map(|pod| {
        let label = |key: &str| pod.object["metadata"]["labels"][key].as_str().unwrap_or_default().to_owned();
        (format!("{}-{}", label("app"), label("version")), pod.object)
    });
    Ok(named.collect())
}

fn same(name: &str, one: &Value, other: &Value) -> Result<()> {
    let (one, other) = (plain(one), plain(other));
    let parts = one.as_object().context("a pod")?.keys().filter(|key| one[*key] != other[*key]);
    let differ: Vec<String> = parts.map(|key| format!("{key}: {}\nis not {}", one[key], other[key])).collect();
    ensure!(differ.is_empty(), "{name}: {}", differ.join("\n"));
    Ok(())
}

/// What an injection has a part in, without what the cluster gives each pod, and without the order of volumes: the
/// service account's is there before a webhook is asked.
fn plain(pod: &Value) -> Value {
    let mut out = pod["spec"].clone();
    let meta = &pod["metadata"];
    (out["labels"], out["annotations"]) = (meta["labels"].clone(), meta["annotations"].clone());
    for key in ["nodeName", "schedulerName", "priority", "preemptionPolicy", "tolerations"] {
        out.as_object_mut().map(|spec| spec.remove(key));
    }
    if let Some(labels) = out["labels"].as_object_mut() {
        labels.remove("pod-template-hash");
    }
    sort(&mut out["volumes"]);
    for list in ["initContainers", "containers"] {
        for container in out[list].as_array_mut().into_iter().flatten() {
            sort(&mut container["volumeMounts"]);
            for variable in container["env"].as_array_mut().into_iter().flatten() {
                let told = variable["value"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
                if let Some(told) = told.filter(|told| told.is_object() || told.is_array()) {
                    variable["value"] = without_defaults(told);
                }
            }
        }
    }
    out
}

/// What the agent is told of the pod, without what an API server adds to ports and probes before it asks a webhook.
fn without_defaults(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(without_defaults).collect(),
        Value::Object(map) => {
            let is_default = |key: &str, value: &Value| match key {
                "protocol" => *value == "TCP",
                "scheme" => *value == "HTTP",
                "timeoutSeconds" => *value == 1,
                _ => false,
            };
            let kept = map.into_iter().filter(|(key, value)| !is_default(key, value));
            kept.map(|(key, value)| (key, without_defaults(value))).collect()
        }
        other => other,
    }
}

fn sort(named: &mut Value) {
    let Some(list) = named.as_array_mut() else { return };
    for one in list.iter_mut() {
        if one["name"].as_str().is_some_and(|name| name.starts_with("kube-api-access-")) {
            one["name"] = "kube-api-access".into();
        }
    }
    list.sort_by_key(|one| one["name"].to_string());
}
