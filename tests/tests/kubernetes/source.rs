//! A real API server as the source: what is applied there reaches proxies at once, whatever comes, goes, or cannot be
//! read.

use std::time::{Duration, Instant};

use super::watcher::{SOON, Watcher, start};
use anyhow::{Result, ensure};
use heddle_tests::cluster::{Cluster, own, shared};
use heddle_tests::process::eventually;
use heddle_tests::xds_client::ENDPOINT;
use http::Method;
use serde_json::{Value, json};

/// A ServiceEntry of one host with one endpoint.
fn entry(namespace: &str, name: &str, endpoint: &str) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [format!("{name}.{namespace}.example")], "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}], "endpoints": [{"address": endpoint}]},
    })
}

fn path(namespace: &str, name: &str) -> String {
    format!("/apis/networking.istio.io/v1/namespaces/{namespace}/serviceentries/{name}")
}

async fn namespace(cluster: &Cluster, name: &str) -> Result<()> {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let answer = cluster.api().await?.post("/api/v1/namespaces", &object).await?;
    ensure!(answer.accepted(), "{answer:?}");
    Ok(())
}

async fn put(cluster: &Cluster, path: &str, object: &Value) -> Result<()> {
    let answer = cluster.api().await?.apply(path, object).await?;
    ensure!(answer.accepted(), "{path}: {answer:?}");
    Ok(())
}

async fn delete(cluster: &Cluster, path: &str) -> Result<()> {
    let answer = cluster.api().await?.call(Method::DELETE, path, None).await?;
    ensure!(answer.accepted(), "{path}: {answer:?}");
    Ok(())
}

#[test]
fn objects_that_come_change_and_go_reach_proxies() -> Result<()> {
    shared(async |cluster| {
        cluster.install_crds()?;
        namespace(cluster, "edit").await?;
        let control = start(cluster, &[]).await?;
        let mut stream = Watcher::connect(&control, "edit").await?;
        put(cluster, &path("edit", "a"), &entry("edit", "a", "10.0.0.1")).await?;
        stream.until(&["a.edit.example"]).await?;
        put(cluster, &path("edit", "b"), &entry("edit", "b", "10.0.0.1")).await?;
        stream.until(&["a.edit.example", "b.edit.example"]).await?;
        delete(cluster, &path("edit", "a")).await?;
        stream.until(&["b.edit.example"]).await?;
        stream.stream.subscribe(ENDPOINT, &["outbound|80||b.edit.example"]).await?;
        stream.until_endpoint("b.edit.example", "10.0.0.1").await?;
        put(cluster, &path("edit", "b"), &entry("edit", "b", "10.0.0.2")).await?;
        stream.until_endpoint("b.edit.example", "10.0.0.2").await?;
        stream.drain().await?;
        // A label that nothing reads: written again, and nothing to push.
        let mut same = entry("edit", "b", "10.0.0.2");
        same["metadata"]["annotations"] = json!({"note": "x"});
        put(cluster, &path("edit", "b"), &same).await?;
        stream.stream.silent(Duration::from_millis(300)).await
    })
}

#[test]
fn definitions_that_come_late_are_taken_up_and_go_without_harm() -> Result<()> {
    own(async |cluster| {
        namespace(cluster, "late").await?;
        let control = start(cluster, &[]).await?;
        let mut stream = Watcher::connect(&control, "late").await?;
        cluster.install_crds()?;
        put(cluster, &path("late", "a"), &entry("late", "a", "10.0.0.1")).await?;
        stream.until(&["a.late.example"]).await?;
        let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/serviceentries.networking.istio.io";
        delete(cluster, definition).await?;
        stream.until(&[]).await?;
        let folder = heddle_tests::product::root()?.join("crds/yaml");
        let out = cluster.kubectl(&["apply", "--server-side", "-f", &folder.to_string_lossy()], "")?;
        ensure!(out.status.success());
        let (at, object) = (path("late", "b"), entry("late", "b", "10.0.0.1"));
        eventually("the definition", SOON, async || put(cluster, &at, &object).await.is_ok()).await?;
        stream.until(&["b.late.example"]).await
    })
}

/// A definition that checks nothing, as clusters have them that were upgraded for years.
fn lax_definition() -> Value {
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "serviceentries.networking.istio.io"},
        "spec": {"group": "networking.istio.io", "scope": "Namespaced",
            "names": {"plural": "serviceentries", "kind": "ServiceEntry"},
            "versions": [{"name": "v1beta1", "served": true, "storage": true, "schema": schema}]},
    })
}

#[test]
fn an_object_that_does_not_decode_takes_itself_out_and_not_the_watch() -> Result<()> {
    own(async |cluster| {
        namespace(cluster, "lax").await?;
        let api = cluster.api().await?;
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        ensure!(api.post(definitions, &lax_definition()).await?.accepted());
        let control = start(cluster, &[]).await?;
        let mut stream = Watcher::connect(&control, "lax").await?;
        let path = |name: &str| path("lax", name).replace("/v1/", "/v1beta1/");
        let lax = |name: &str, change: &dyn Fn(&mut Value)| {
            let mut object = entry("lax", name, "10.0.0.1");
            object["apiVersion"] = json!("networking.istio.io/v1beta1");
            change(&mut object);
            object
        };
        eventually("the definition", SOON, async || {
            api.apply(&path("a"), &lax("a", &|_| {})).await.is_ok_and(|a| a.accepted())
        })
        .await?;
        stream.until(&["a.lax.example"]).await?;
        put(cluster, &path("bad"), &lax("bad", &|o| o["spec"]["ports"] = json!("eighty"))).await?;
        put(cluster, &path("c"), &lax("c", &|_| {})).await?;
        stream.until(&["a.lax.example", "c.lax.example"]).await?;
        let issues = control.json("/debug/issuez").await?;
        let issues: Vec<&Value> = issues.as_array().into_iter().flatten().collect();
        ensure!(issues.len() == 1 && issues[0]["field"] == "spec.ports", "{issues:?}");
        // It keeps what it said before, and comes back when it is mended.
        put(cluster, &path("a"), &lax("a", &|o| o["spec"]["hosts"] = json!(7))).await?;
        put(cluster, &path("bad"), &lax("bad", &|_| {})).await?;
        stream.until(&["a.lax.example", "bad.lax.example", "c.lax.example"]).await
    })
}

#[test]
fn an_api_server_that_restarts_is_come_back_to_without_a_push() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        namespace(cluster, "again").await?;
        put(cluster, &path("again", "a"), &entry("again", "a", "10.0.0.1")).await?;
        put(cluster, &path("again", "b"), &entry("again", "b", "10.0.0.1")).await?;
        let control = start(cluster, &[]).await?;
        let mut stream = Watcher::connect(&control, "again").await?;
        stream.until(&["a.again.example", "b.again.example"]).await?;
        cluster.kill_server();
        stream.stream.silent(Duration::from_secs(1)).await?;
        // What was asked for before still is answered: the last good state.
        let mut other = Watcher::connect(&control, "again").await?;
        other.until(&["a.again.example", "b.again.example"]).await?;
        cluster.start_server().await?;
        stream.stream.silent(Duration::from_secs(6)).await?;
        delete(cluster, &path("again", "a")).await?;
        stream.until(&["b.again.example"]).await
    })
}

#[test]
fn objects_of_another_revision_and_of_hidden_namespaces_are_not_read() -> Result<()> {
    shared(async |cluster| {
        cluster.install_crds()?;
        for name in ["sel-root", "sel-in", "sel-out"] {
            namespace(cluster, name).await?;
        }
        let label = |name: &str, value: &str| {
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"mesh": value}}});
            (format!("/api/v1/namespaces/{name}"), object)
        };
        let (at, object) = label("sel-in", "on");
        put(cluster, &at, &object).await?;
        let mesh = |text: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "istio-sel", "namespace": "sel-root"}, "data": {"mesh": text}})
        };
        let at_mesh = "/api/v1/namespaces/sel-root/configmaps/istio-sel";
        put(cluster, at_mesh, &mesh("discoverySelectors: [{matchLabels: {mesh: 'on'}}]")).await?;
        let mut foreign = entry("sel-in", "foreign", "10.0.0.1");
        foreign["metadata"]["labels"] = json!({"istio.io/rev": "other"});
        put(cluster, &path("sel-in", "foreign"), &foreign).await?;
        put(cluster, &path("sel-in", "a"), &entry("sel-in", "a", "10.0.0.1")).await?;
        put(cluster, &path("sel-out", "b"), &entry("sel-out", "b", "10.0.0.1")).await?;
        let control = start(cluster, &["--namespace=sel-root", "--revision=sel"]).await?;
        let mut stream = Watcher::connect(&control, "sel-in").await?;
        stream.until(&["a.sel-in.example"]).await?;
        let (at, object) = label("sel-out", "on");
        put(cluster, &at, &object).await?;
        stream.until(&["a.sel-in.example", "b.sel-out.example"]).await?;
        let (at, object) = label("sel-in", "off");
        put(cluster, &at, &object).await?;
        stream.until(&["b.sel-out.example"]).await?;
        put(cluster, at_mesh, &mesh("connectTimeout: 3s")).await?;
        eventually("settings", SOON, async || {
            control.json("/debug/mesh").await.is_ok_and(|mesh| mesh["connectTimeout"] == "3s")
        })
        .await?;
        stream.until(&["a.sel-in.example", "b.sel-out.example"]).await
    })
}

/// 100 edits, one at a time; prints how long each takes from the API server's answer until the change is acknowledged.
#[test]
fn every_edit_is_acknowledged() -> Result<()> {
    shared(async |cluster| {
        cluster.install_crds()?;
        namespace(cluster, "fast").await?;
        let control = start(cluster, &[]).await?;
        let mut stream = Watcher::connect(&control, "fast").await?;
        put(cluster, &path("fast", "a"), &entry("fast", "a", "10.1.0.0")).await?;
        stream.until(&["a.fast.example"]).await?;
        stream.stream.subscribe(ENDPOINT, &["outbound|80||a.fast.example"]).await?;
        stream.until_endpoint("a.fast.example", "10.1.0.0").await?;
        stream.drain().await?;
        let api = cluster.api().await?;
        let mut times = Vec::new();
        for turn in 1..=100 {
            let object = entry("fast", "a", &format!("10.1.0.{turn}"));
            let at = path("fast", "a");
            let answered = async { api.apply(&at, &object).await.map(|answer| (answer.accepted(), Instant::now())) };
            let pushed = async { stream.stream.accept(ENDPOINT, SOON).await.map(|_| Instant::now()) };
            let (answered, pushed) = tokio::join!(answered, pushed);
            let (accepted, answered) = answered?;
            ensure!(accepted);
            times.push(pushed?.saturating_duration_since(answered));
        }
        times.sort();
        println!("from the API server's answer to the acknowledgement: p50 {:?}, p99 {:?}", times[49], times[98]);
        Ok(())
    })
}
