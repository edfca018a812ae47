//! `heddlectl analyze` on a real API server.

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::{self, Cluster};
use heddle_tests::product;
use serde_json::Value;

/// Routes to nothing: one that every revision reads, and one of another revision.
const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: analyzed, labels: {istio-injection: disabled}}
---
apiVersion: v1
kind: Service
metadata: {name: oven, namespace: analyzed}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bread, namespace: analyzed}
spec: {hosts: [bread], http: [{route: [{destination: {host: oven}, weight: 1}, {destination: {host: pan}, weight: 1}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cake, namespace: analyzed, labels: {istio.io/rev: blue}}
spec: {hosts: [cake], http: [{route: [{destination: {host: pan}}]}]}
";

/// A file that adds the missing service.
const PAN: &str = "{apiVersion: v1, kind: Service, metadata: {name: pan, namespace: analyzed}, \
                   spec: {ports: [{name: http, port: 80}]}}";

#[test]
fn a_cluster_is_analyzed_alone_and_with_files() -> Result<()> {
    cluster::shared(async |cluster| {
        cluster.install_crds()?;
        cluster.apply(OBJECTS)?;
        let (found, code) = analyze(cluster, &["-n", "analyzed"])?;
        ensure!(found == ["IST0101 VirtualService analyzed/bread"] && code == Some(1), "{found:?} {code:?}");
        let (found, _) = analyze(cluster, &["-n", "analyzed", "--revision", "blue"])?;
        ensure!(found.len() == 2, "{found:?}");
        let (found, code) = analyze(cluster, &["-n", "default", "--only", "virtualservice.DestinationHostAnalyzer"])?;
        ensure!(found.is_empty() && code == Some(0), "{found:?}");
        let file = cluster.folder().join("pan.yaml");
        std::fs::write(&file, PAN)?;
        let (found, code) = analyze(cluster, &["-n", "analyzed", "-k", &file.to_string_lossy()])?;
        ensure!(found.is_empty() && code == Some(0), "{found:?} {code:?}");
        let out = cluster.command(product::binary("heddlectl")?).args(["check", "-o", "json"]).output()?;
        let checked: Vec<Value> = serde_json::from_slice(&out.stdout)?;
        let analysis = checked.iter().find(|one| one["place"] == "analysis").context("the analysis")?;
        ensure!(analysis["level"] == "warning", "{analysis}");
        Ok(())
    })
}

/// The codes and objects that the command prints, and its exit code.
fn analyze(cluster: &Cluster, arguments: &[&str]) -> Result<(Vec<String>, Option<i32>)> {
    let mut command = cluster.command(product::binary("heddlectl")?);
    let out = command.args(["analyze", "-o", "json"]).args(arguments).output()?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let found: Vec<Value> = serde_json::from_slice(&out.stdout).context(said)?;
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let found = found.iter().map(|one| format!("{} {}", text(one, "code"), text(one, "resource"))).collect();
    Ok((found, out.status.code()))
}
