//! Runs the commands of a document's `sh cluster` fences, one after the other on one cluster.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::istiod::Root;
use heddle_tests::cluster::{Cluster, own, program};
use heddle_tests::control::ControlSetup;
use heddle_tests::product;
use tokio::process::Command;

use super::istio;
use super::tools::with_deployments;

#[test]
fn install_says_what_works() -> Result<()> {
    own(async |cluster| {
        cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}")?;
        follow(cluster, "docs/install.md").await
    })
}

#[test]
fn upgrade_from_istio_says_what_works() -> Result<()> {
    own(async |cluster| {
        istio::install(cluster, &Root::new()?).await?;
        follow(cluster, "docs/upgrade-from-istio.md").await
    })
}

#[test]
fn day_two_says_what_works() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}")?;
        follow(cluster, "docs/day-two.md").await
    })
}

/// Runs a document's commands beside a control plane, whose pods the API server only knows by name.
async fn follow(cluster: &Cluster, document: &str) -> Result<()> {
    let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
    let _control = ControlSetup::new()?.start(&[&kubeconfig]).await?;
    let text = std::fs::read_to_string(product::root()?.join(document))?;
    // A command may go on after a backslash at the end of its line.
    let text = text.replace("\\\n", " ");
    let commands: Vec<&str> = text
        .split("```sh cluster\n")
        .skip(1)
        .filter_map(|part| part.split("```").next())
        .flat_map(str::lines)
        .collect();
    ensure!(commands.len() > 8, "{document} has only {} commands", commands.len());
    let run = async {
        for command in commands {
            run(cluster, command).await.with_context(|| format!("{document}: {command}"))?;
        }
        Ok(())
    };
    with_deployments(&cluster.api().await?, run).await
}

async fn run(cluster: &Cluster, command: &str) -> Result<()> {
    let mut shell = Command::from(cluster.command("bash"));
    let folder = |path: &Path| path.parent().unwrap_or(Path::new(".")).display().to_string();
    let path = [folder(&product::binary("heddlectl")?), folder(&program("helm")?), std::env::var("PATH")?].join(":");
    shell.args(["-euo", "pipefail", "-c", command]).env("PATH", path).current_dir(product::root()?);
    let out = shell.output().await?;
    let (said, refused) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    ensure!(out.status.success(), "{}: {said}{refused}", out.status);
    Ok(())
}
