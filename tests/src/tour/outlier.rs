//! Step 8: an instance that fails is taken out, and comes back.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::stage::Stage;
use super::tally::Tally;
use crate::process::eventually;

/// How long the instance is out at the least: longer than twenty requests take, shorter than anybody wants to wait.
const OUT: &str = "3s";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let detection = json!({
        "consecutive5xxErrors": 3, "interval": "100ms", "baseEjectionTime": OUT, "maxEjectionPercent": 100,
    });
    mesh.traffic_policy("productpage-v1", "reviews", &json!({"outlierDetection": detection})).await?;
    let failing = mesh.application("reviews-v1")?;
    let failing_ip = mesh.ingress("reviews-v1")?.ip();
    let call = mesh.call_from("productpage-v1", "http://reviews:9080/reviews/0").await?;
    failing.fault(&json!({"status": 500})).await?;
    let mut failed = 0;
    eventually("ejection of the failing instance", Duration::from_secs(10), async || {
        failed += usize::from(matches!(call.clone().send().await, Ok(answer) if answer.status == 500));
        out(mesh, failing_ip).await.unwrap_or(false)
    })
    .await?;
    ensure!(failed >= 3, "out after {failed} failures");
    let others = Tally::of(&call, 20, 1).await?;
    ensure!(others.count("reviews-v1") == 0, "the failing instance answered: {others}");
    failing.reset().await?;
    let mut calls = 0;
    eventually("return of the healed instance", Duration::from_secs(15), async || {
        calls += 1;
        Tally::of(&call, 1, 1).await.is_ok_and(|tally| tally.count("reviews-v1") == 1)
    })
    .await?;
    Ok(format!("out after {failed} failures; then {others}; healed: back after {calls} calls"))
}

/// Whether productpage's Envoy holds the instance for an outlier.
async fn out(mesh: &impl Stage, instance: IpAddr) -> Result<bool> {
    let clusters = mesh.admin("productpage-v1")?.clusters().await?;
    let ip = instance.to_string();
    let hosts = clusters["cluster_statuses"].as_array().into_iter().flatten();
    let mut hosts = hosts.filter_map(|cluster| cluster["host_statuses"].as_array()).flatten();
    Ok(hosts.any(|host: &Value| {
        host["address"]["socket_address"]["address"] == ip.as_str()
            && host["health_status"]["failed_outlier_check"] == true
    }))
}
