//! `heddlectl compile --proxy` reads the objects and the proxy of a pod from a cluster.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::{Api, Cluster, own};
use heddle_tests::product;
use serde_json::{Value, json};

const OBJECTS: &str = "
apiVersion: v1
kind: Service
metadata: {name: shelf, namespace: default}
spec: {selector: {app: shelf}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shelf-1, namespace: default, labels: {kubernetes.io/service-name: shelf}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.9.0.7], targetRef: {kind: Pod, name: shelf-1, namespace: default}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shelf, namespace: default}
spec: {hosts: [shelf], http: [{timeout: 3s, route: [{destination: {host: shelf}}]}]}
";
/// What a folder has counts before what the cluster has.
const EDIT: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shelf, namespace: default}
spec: {hosts: [shelf], http: [{timeout: 7s, route: [{destination: {host: shelf}}]}]}
";

#[test]
fn the_proxy_of_a_pod_is_compiled_from_its_cluster() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        cluster.apply(OBJECTS)?;
        let api = cluster.api().await?;
        add_pod(&api, "shelf-1", &json!({})).await?;
        add_pod(&api, "aside", &json!({"hostNetwork": true})).await?;

        let compiled = compile(cluster, &["--proxy", "shelf-1.default"])?;
        let names = |section: &str| {
            let list = compiled[section].as_array().cloned().unwrap_or_default();
            list.iter().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let clusters = names("clusters");
        for name in ["inbound|8080||", "outbound|80||shelf.default.svc.cluster.local"] {
            ensure!(clusters.iter().any(|cluster| cluster == name), "{name} is not in {clusters:?}");
        }
        let routes = compiled["routes"].to_string();
        ensure!(routes.contains("\"timeout\":\"3s\""), "{routes}");

        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("edit.yaml"), EDIT)?;
        let path = folder.path().display().to_string();
        let routes = compile(cluster, &["--proxy", "shelf-1.default", "--config-dir", &path])?["routes"].to_string();
        ensure!(routes.contains("\"timeout\":\"7s\"") && !routes.contains("\"timeout\":\"3s\""), "{routes}");

        for (proxy, reason) in [
            ("aside.default", "the webhook would inject none: it uses the network of its node"),
            ("nobody.default", "there is no pod nobody in namespace default"),
            ("shelf-1", "does not name a namespace"),
        ] {
            let out = heddlectl(cluster, &["--proxy", proxy])?;
            let said = String::from_utf8_lossy(&out.stderr);
            ensure!(out.status.code() == Some(2) && said.contains(reason), "{proxy}: {said}");
        }
        Ok(())
    })
}

async fn add_pod(api: &Api, name: &str, spec: &Value) -> Result<()> {
    let pods = "/api/v1/namespaces/default/pods";
    let container = json!({"name": "shelf", "image": "i", "ports": [{"containerPort": 8080}]});
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "shelf"}},
        "spec": {"containers": [container], "serviceAccountName": "shelf"}});
    for (key, value) in spec.as_object().context("a map")? {
        pod["spec"][key] = value.clone();
    }
    if spec["hostNetwork"] == true {
        pod["spec"]["containers"][0]["ports"] = json!([]);
    }
    let mut pod = api.post(pods, &pod).await?.body;
    pod["status"] = json!({"phase": "Running", "podIP": "10.9.0.7", "podIPs": [{"ip": "10.9.0.7"}],
        "conditions": [{"type": "Ready", "status": "True"}]});
    let answer = api.call(http::Method::PUT, &format!("{pods}/{name}/status"), Some(&pod)).await?;
    ensure!(answer.accepted(), "{name}: {}", answer.message());
    Ok(())
}

fn compile(cluster: &Cluster, arguments: &[&str]) -> Result<Value> {
    let out = heddlectl(cluster, arguments)?;
    ensure!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(serde_json::from_slice(&out.stdout)?)
}

fn heddlectl(cluster: &Cluster, arguments: &[&str]) -> Result<Output> {
    let mut command = cluster.command(product::binary("heddlectl")?);
    Ok(command.args(["compile", "--output", "json"]).args(arguments).output()?)
}
