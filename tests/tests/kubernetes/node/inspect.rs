//! What heddlectl shows of the proxies of a cluster, and what they really have.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use heddle_tests::mesh::WORKLOADS;
use heddle_tests::pods::Pods;
use heddle_tests::product;
use serde_json::Value;

/// `proxy-status` finds the control plane by the kubeconfig alone, and `compile --proxy` prints what the Envoy of a pod
/// has.
pub(super) async fn proxies(pods: &Pods<'_>) -> Result<String> {
    let table = heddlectl(pods, &["proxy-status"])?;
    let count = table.lines().filter(|line| line.contains(" istiod-")).count();
    ensure!(count == WORKLOADS.len() + 2, "{count} proxies in\n{table}");
    for workload in ["productpage-v1", "reviews-v3"] {
        let member = pods.member(workload)?;
        let proxy = format!("{}.default", member.pod.name);
        let compiled = heddlectl(pods, &["compile", "--proxy", &proxy, "--output", "json"])?;
        let compiled: Value = serde_json::from_str(&compiled)?;
        let used = member.admin().configured().await?;
        for section in ["clusters", "listeners"] {
            let list = compiled[section].as_array().with_context(|| section.to_owned())?;
            let named: BTreeSet<&str> = list.iter().filter_map(|one| one["name"].as_str()).collect();
            let used = used[section].as_object().with_context(|| section.to_owned())?;
            let used: BTreeSet<&str> = used.keys().map(String::as_str).collect();
            let differ: Vec<_> = named.symmetric_difference(&used).collect();
            ensure!(differ.is_empty(), "{workload}: {section} differ: {differ:?}");
        }
    }
    Ok(format!("heddlectl proxy-status lists {count} proxies, and compile --proxy prints what two of them have"))
}

fn heddlectl(pods: &Pods<'_>, arguments: &[&str]) -> Result<String> {
    let out = pods.node.cluster.command(product::binary("heddlectl")?).args(arguments).output()?;
    let refused = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "heddlectl {}: {refused}", arguments.join(" "));
    Ok(String::from_utf8(out.stdout)?)
}
