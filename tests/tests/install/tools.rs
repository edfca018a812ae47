//! Helm and `heddlectl` on a cluster, and the part of the controllers that installing waits for.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use heddle_tests::cluster::{Api, Cluster, program};
use heddle_tests::product;
use serde_json::{Value, json};
use tokio::process::Command;

/// Runs `heddlectl` on a cluster. Here as below the runtime goes on meanwhile, and with it the connection to the API
/// server.
pub(crate) async fn heddlectl(cluster: &Cluster, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::from(cluster.command(product::binary("heddlectl")?));
    Ok(command.args(arguments).stdin(Stdio::null()).output().await?)
}

/// Runs it, and it must end well. Gives what it said.
pub(crate) async fn heddlectl_succeeds(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let out = heddlectl(cluster, arguments).await?;
    let (said, refused) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    ensure!(out.status.success(), "heddlectl {arguments:?}: {}: {said}{refused}", out.status);
    Ok(said.into_owned())
}

/// Runs Helm on a cluster, in the repository's root; it must end well. Gives what it said.
pub(crate) async fn helm(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    helm_in(cluster, &product::root()?, arguments).await
}

/// The same in another folder.
pub(crate) async fn helm_in(cluster: &Cluster, folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut helm = Command::from(cluster.command(program("helm")?));
    let out = helm.args(arguments).args(["--namespace", "istio-system"]).current_dir(folder).output().await?;
    ensure!(out.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8(out.stdout)?)
}

/// An object, which must be there.
pub(crate) async fn get(api: &Api, path: &str) -> Result<Value> {
    let answer = api.get(path).await?;
    ensure!(answer.accepted(), "{path}: {}", answer.message());
    Ok(answer.body)
}

/// Whether nothing is at a path.
pub(crate) async fn is_gone(api: &Api, path: &str) -> Result<bool> {
    Ok(api.get(path).await?.status == 404)
}

/// Reports Deployments as ready, as those do who run their pods, until it is dropped.
pub(crate) async fn run_deployments(api: Api) -> Result<()> {
    loop {
        let all = api.get("/apis/apps/v1/deployments").await?.body;
        for deployment in all["items"].as_array().into_iter().flatten() {
            let (meta, replicas) = (&deployment["metadata"], &deployment["spec"]["replicas"]);
            if deployment["status"]["observedGeneration"] == meta["generation"] {
                continue;
            }
            let [namespace, name] = ["namespace", "name"].map(|key| meta[key].as_str().unwrap_or_default());
            let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status");
            let status = json!({
                "observedGeneration": meta["generation"], "replicas": replicas, "updatedReplicas": replicas,
                "readyReplicas": replicas, "availableReplicas": replicas,
                "conditions": [{"type": "Available", "status": "True"}],
            });
            let object = json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
                    "status": status,
            });
            api.apply(&path, &object).await?;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Does something while Deployments are reported as ready.
pub(crate) async fn with_deployments<T>(api: &Api, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        failed = run_deployments(api.clone()) => { failed?; anyhow::bail!("it does not end") }
    }
}
