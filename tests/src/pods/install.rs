//! What a person types to have Heddle on a cluster, and the waits in between.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{SOON, guide};
use crate::cluster::node::{Node, Pod};
use crate::cluster::program;
use crate::image::IMAGES;
use crate::mesh::WORKLOADS;
use crate::process::eventually;
use crate::product;

/// What the sample wants of the mesh, as its `loopback/mesh.yaml` says it, and one thread an Envoy, so that what its
/// load balancers do can be counted; and listeners that are taken away are not to be seen for long.
const VALUES: &str = "--set meshConfig.accessLogFile=/dev/stdout --set meshConfig.accessLogEncoding=JSON \
    --set meshConfig.outboundTrafficPolicy.mode=ALLOW_ANY_DYNAMIC_DNS --set meshConfig.defaultConfig.concurrency=1 \
    --set meshConfig.defaultConfig.drainDuration=2s";

/// The Deployments of the way in and of the way out.
pub const GATEWAYS: [&str; 2] = ["istio-ingressgateway", "istio-egressgateway"];

/// Installs Heddle by its charts and applies the sample, on a node that has nothing of either, and tells of each step.
pub async fn install(node: &Node, said: impl Fn(&str)) -> Result<()> {
    build_images(node).await?;
    said("images are built and imported");
    helm(node, "install istio-base charts/base --namespace istio-system --create-namespace")?;
    helm(node, &format!("install istiod charts/heddled --namespace istio-system {VALUES}"))?;
    until_rolled_out(node, "istio-system", "istiod").await?;
    said("helm install istio-base, istiod: the control plane is ready");
    for gateway in GATEWAYS {
        helm(node, &format!("install {gateway} charts/gateway --namespace istio-system"))?;
    }
    kubectl(node, &["label", "namespace", "default", "istio-injection=enabled"], "")?;
    kubectl(node, &["apply", "-f", "deploy/samples/bookinfo", "-f", "deploy/samples/bookinfo/kubernetes"], "")?;
    until_ready(node, "default", "", &["2/2"; 6]).await?;
    for gateway in GATEWAYS {
        until_rolled_out(node, "istio-system", gateway).await?;
    }
    said("kubectl label namespace default, kubectl apply: six pods are 2/2, and two gateways ready");
    Ok(())
}

/// Makes the sample's pods anew, as whoever wants another proxy in them does, and waits until nothing is left of the
/// old ones: while they drain they may still be called.
pub async fn renew(node: &Node) -> Result<()> {
    kubectl(node, &["rollout", "restart", "deployment", "-n", "default"], "")?;
    for (service, version) in WORKLOADS {
        until_rolled_out(node, "default", &format!("{service}-{version}")).await?;
    }
    until_ready(node, "default", "", &["2/2"; 6]).await?;
    let gone = async || node.pods("default", "").await.is_ok_and(|pods| pods.len() == WORKLOADS.len());
    eventually("end of the pods of before", SOON, gone).await
}

/// Builds all images and makes them known to the node: those of a mesh as the document says it, and those of the node.
pub async fn build_images(node: &Node) -> Result<()> {
    let folder = guide::images(node)?;
    let mut of_node = Vec::new();
    for image in IMAGES {
        let tar = image.write(&folder)?;
        of_node.extend(["busybox", "pause"].contains(&image.name).then_some(tar));
    }
    node.import(&of_node).await?;
    guide::follow(node, "Give the images to the nodes")?;
    Ok(std::fs::remove_dir_all(&folder)?)
}

/// Runs helm; `charts/NAME` stands for the folder of a chart of ours.
pub fn helm(node: &Node, arguments: &str) -> Result<()> {
    let mut command = node.cluster.command(program("helm")?);
    let root = product::root()?;
    for word in arguments.split_whitespace() {
        if word.starts_with("charts/") {
            command.arg(root.join(word))
        } else {
            command.arg(word)
        };
    }
    let out = command.output().context("run helm")?;
    ensure!(out.status.success(), "helm {arguments}: {}", String::from_utf8_lossy(&out.stderr).trim());
    Ok(())
}

/// Runs kubectl, with something to read, and returns what it prints; `deploy/..` stands for a path of the repository.
pub fn kubectl(node: &Node, arguments: &[&str], input: &str) -> Result<String> {
    let root = product::root()?;
    let whole = |word: &&str| {
        if word.starts_with("deploy/") { root.join(word).display().to_string() } else { (*word).to_owned() }
    };
    let words: Vec<String> = arguments.iter().map(whole).collect();
    let out = node.cluster.kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>(), input)?;
    ensure!(out.status.success(), "kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&out.stderr).trim());
    Ok(String::from_utf8(out.stdout)?)
}

/// Waits until the pods with those labels have exactly so many containers ready, each.
pub async fn until_ready(node: &Node, namespace: &str, labels: &str, ready: &[&str]) -> Result<()> {
    let mut seen = Vec::new();
    let what = format!("ready pods {labels} in {namespace}");
    let done = eventually(&what, SOON, async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Ok(mut pods) = node.pods(namespace, labels).await {
            pods.retain(|pod| pod.object["metadata"]["deletionTimestamp"].is_null());
            seen = pods.iter().map(Pod::ready).collect();
        }
        seen == ready
    });
    done.await.with_context(|| format!("ready are {seen:?}, not {ready:?}"))
}

/// Waits until a Deployment has nothing but pods of its newest template, all of them available.
pub async fn until_rolled_out(node: &Node, namespace: &str, name: &str) -> Result<()> {
    let api = node.cluster.api().await?;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
    let mut seen = Value::Null;
    let what = format!("pods of {namespace}/{name}");
    let done = eventually(&what, SOON, async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        seen = api.get(&path).await.map(|answer| answer.body).unwrap_or_default();
        let (wanted, status) = (&seen["spec"]["replicas"], &seen["status"]);
        wanted.is_u64()
            && status["observedGeneration"] == seen["metadata"]["generation"]
            && ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|count| status[*count] == *wanted)
    });
    done.await.with_context(|| format!("{namespace}/{name} is {}", seen["status"]))
}
