//! What a person types to have Heddle on a cluster, and the waits in between.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::SOON;
use crate::cluster::node::{Node, Pod};
use crate::cluster::program;
use crate::image::IMAGES;
use crate::process::eventually;
use crate::product;

/// Builds all images and makes them known to the node.
pub async fn build_images(node: &Node) -> Result<()> {
    let folder = node.cluster.folder().join("images");
    let tars: Vec<PathBuf> = IMAGES.iter().map(|image| image.write(&folder)).collect::<Result<_>>()?;
    node.import(&tars).await?;
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

/// `kubectl apply -f` of a file or folder of the repository.
pub fn apply(node: &Node, path: &str) -> Result<()> {
    let file = product::root()?.join(path).display().to_string();
    let out = node.cluster.kubectl(&["apply", "-f", &file], "")?;
    ensure!(out.status.success(), "kubectl apply -f {path}: {}", String::from_utf8_lossy(&out.stderr).trim());
    Ok(())
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
