//! From istiod to Heddle and back, by Helm, while pods go on.
//!
//! The part of istiod itself is played by heddled, under the objects, the rights and the root that istiod has.

use std::time::Duration;

use anyhow::{Result, ensure};
use heddle_tests::cluster::istiod::{ROOT, Root, SECRET, WEBHOOKS, bundles, left, versions, write_charts};
use heddle_tests::cluster::node::Node;
use heddle_tests::http::Call;
use heddle_tests::load::Load;
use heddle_tests::pods::{SOON, helm, kubectl, renew, until_ready, until_rolled_out};
use heddle_tests::process::eventually;
use heddle_tests::product;
use serde_json::Value;

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/istio-system/deployments/istiod";

/// Takes traffic that the product page's calls carry, and a call that the pods of `details` answer.
pub(super) async fn and_back(node: &Node, page: &Call, details: &Call, root: &Root) -> Result<String> {
    become_istiod(node).await?;
    let load = Load::start(page, 2, Duration::from_millis(20));
    load.pass(10).await;
    let (pods, kept) = (others(node).await?, kept(node).await?);

    helm(node, "upgrade istio-base charts/base --namespace istio-system")?;
    helm(node, "upgrade istiod charts/heddled --namespace istio-system --reset-then-reuse-values")?;
    until_rolled_out(node, "istio-system", "istiod").await?;
    ensure!(labels(node).await?["app.kubernetes.io/part-of"] == "heddle");
    pointed(node, &WEBHOOKS, root).await?;
    a_new_pod_joins(node, details).await?;
    checked(node)?;
    let api = node.cluster.api().await?;
    let settled = versions(&api).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(versions(&api).await? == settled, "something is written again and again");
    load.pass(20).await;

    helm(node, "rollback istiod --namespace istio-system")?;
    helm(node, "rollback istio-base --namespace istio-system")?;
    until_rolled_out(node, "istio-system", "istiod").await?;
    ensure!(labels(node).await?["app.kubernetes.io/part-of"].is_null());
    a_new_pod_joins(node, details).await?;
    load.pass(20).await;
    let report = load.stop().await;
    report.all_answered()?;
    ensure!(self::kept(node).await? == kept, "the root is not what it was");
    ensure!(others(node).await? == pods, "pods were made anew");
    pointed(node, &WEBHOOKS, root).await?;
    Ok(format!(
        "helm upgrade from istiod to Heddle, helm rollback: {} requests, 0 failed; the root is kept",
        report.sent
    ))
}

/// Makes the cluster one of istiod's, with pods that it injected and certified.
async fn become_istiod(node: &Node) -> Result<()> {
    let folder = tempfile::tempdir()?;
    write_charts(folder.path())?;
    for release in ["istio-base", "istiod"] {
        let chart = folder.path().join(release);
        helm(node, &format!("upgrade {release} {} --namespace istio-system --reuse-values", chart.display()))?;
    }
    until_rolled_out(node, "istio-system", "istiod").await?;
    let api = node.cluster.api().await?;
    for (path, object) in left() {
        let answer = api.apply(&path, &object).await?;
        ensure!(answer.accepted(), "{path}: {}", answer.message());
    }
    renew(node).await
}

/// A pod that is made now is injected and certified, and pods of before call it, and it answers.
async fn a_new_pod_joins(node: &Node, details: &Call) -> Result<()> {
    kubectl(node, &["delete", "pods", "-n", "default", "-l", "app=details", "--wait=false"], "")?;
    until_ready(node, "default", "app=details", &["2/2"]).await?;
    eventually("answer of the new pod", SOON, async || details.succeeds().await).await
}

/// The API server trusts the root when it calls them.
async fn pointed(node: &Node, webhooks: &[&str], root: &Root) -> Result<()> {
    let api = node.cluster.api().await?;
    let trusted = async || bundles(&api, webhooks).await.is_ok_and(|all| all.iter().all(|one| *one == root.pem()));
    eventually("webhooks that point to the root", SOON, trusted).await
}

/// The names and the restarts of the sample's pods that nobody deletes.
async fn others(node: &Node) -> Result<Vec<(String, u64)>> {
    let mut pods = node.pods("default", "app!=details").await?;
    pods.retain(|pod| pod.object["metadata"]["deletionTimestamp"].is_null());
    let restarts = |pod: &Value| {
        let lists = ["initContainerStatuses", "containerStatuses"].map(|list| pod["status"][list].as_array());
        lists.into_iter().flatten().flatten().filter_map(|one| one["restartCount"].as_u64()).sum()
    };
    let mut all: Vec<_> = pods.into_iter().map(|pod| (pod.name.clone(), restarts(&pod.object))).collect();
    all.sort();
    Ok(all)
}

/// The authority's key, what workloads are told, and what istiod wrote by itself.
async fn kept(node: &Node) -> Result<Vec<Value>> {
    let (api, mut kept) = (node.cluster.api().await?, Vec::new());
    for path in [SECRET, ROOT] {
        kept.push(api.get(path).await?.body["data"].clone());
    }
    for (path, _) in left() {
        let mut object = api.get(&path).await?.body;
        kept.push(object["metadata"]["resourceVersion"].take());
    }
    Ok(kept)
}

async fn labels(node: &Node) -> Result<Value> {
    let api = node.cluster.api().await?;
    Ok(api.get(DEPLOYMENT).await?.body["metadata"]["labels"].clone())
}

/// `heddlectl check` finds nothing wrong.
fn checked(node: &Node) -> Result<()> {
    let out = node.cluster.command(product::binary("heddlectl")?).arg("check").output()?;
    ensure!(out.status.success(), "heddlectl check: {}", String::from_utf8_lossy(&out.stdout));
    Ok(())
}
