//! How fast an edit reaches the last Envoy that it concerns: from the file's rename to the acknowledgement that came
//! back through agent and TLS.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::mesh::{Mesh, WORKLOADS};
use crate::process::eventually;
use crate::tour::stage::Stage;

/// How long one edit may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a lone edit, before anybody asks what became of it: asking costs the processors that the edit is to have.
const PAUSE: Duration = Duration::from_millis(40);

/// Times from rename to last acknowledgement, sorted.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<Duration>);

/// What a storm of edits did.
#[derive(Clone, Debug)]
pub struct Storm {
    /// How long the edits took to write.
    pub lasted: Duration,
    /// From the last rename to the last acknowledgement.
    pub settled: Duration,
    /// Processor time of `heddled`, from the first edit to the last acknowledgement.
    pub cpu: Duration,
    /// Memory of `heddled` before and after, in bytes.
    pub memory: [u64; 2],
}

impl Latencies {
    /// The value that `percent` of all values do not exceed (nearest rank); zero when there are none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }
}

/// Makes `count` edits of one VirtualService, each after the one before was acknowledged by all.
pub async fn lone_edits(mesh: &Mesh, count: usize) -> Result<Latencies> {
    let mut latencies = Vec::with_capacity(count);
    for number in 0..count {
        let renamed = mesh.config.put("reviews", &route(&format!("lone-{number}")))?;
        tokio::time::sleep(PAUSE).await;
        latencies.push(settled(mesh, renamed).await?);
    }
    mesh.until_routed("productpage-v1", &format!("lone-{}", count - 1)).await?;
    latencies.sort();
    Ok(Latencies(latencies))
}

/// Makes `count` edits through an API server, each after the one before was acknowledged by all. What is measured is
/// the time from the server's answer to the last acknowledgement; none when that came first.
pub async fn answered_edits(mesh: &impl Stage, count: usize) -> Result<Latencies> {
    let mut latencies = Vec::with_capacity(count);
    for number in 0..count {
        let sent = SystemTime::now();
        mesh.put("reviews", &route(&format!("answered-{number}"))).await?;
        let answered = sent.elapsed().unwrap_or_default();
        tokio::time::sleep(PAUSE).await;
        latencies.push(settled(mesh, sent).await?.saturating_sub(answered));
    }
    mesh.until_routed("productpage-v1", &format!("answered-{}", count - 1)).await?;
    latencies.sort();
    Ok(Latencies(latencies))
}

/// Makes `count` edits of one VirtualService, evenly over `lasting`, and waits until the last is everywhere.
pub async fn storm(mesh: &Mesh, count: u32, lasting: Duration) -> Result<Storm> {
    let (before, start) = (mesh.heddled.process.memory()?, mesh.heddled.process.cpu()?);
    let mut tick = tokio::time::interval(lasting / count);
    let (first, mut renamed) = (SystemTime::now(), SystemTime::now());
    for number in 0..count {
        tick.tick().await;
        renamed = mesh.config.put("reviews", &route(&format!("storm-{number}")))?;
    }
    let lasted = renamed.duration_since(first).unwrap_or_default();
    let settled = settled(mesh, renamed).await?;
    let cpu = mesh.heddled.process.cpu()?.saturating_sub(start);
    for workload in &mesh.workloads {
        mesh.until_routed(&workload.name, &format!("storm-{}", count - 1)).await?;
    }
    Ok(Storm { lasted, settled, cpu, memory: [before, mesh.heddled.process.memory()?] })
}

/// A route whose only news is its name, which every sidecar sees.
fn route(name: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews, namespace: default}}
spec:
  hosts: [reviews]
  http:
  - name: {name}
    route: [{{destination: {{host: reviews, subset: v1}}}}]
"
    )
}

/// Waits until every sidecar has acknowledged something after `renamed` and owes nothing, and says when the last did.
async fn settled(mesh: &impl Stage, renamed: SystemTime) -> Result<Duration> {
    let mut took = None;
    eventually("acknowledgement by all sidecars", PATIENCE, async || {
        took = match mesh.page("/debug/syncz").await {
            Ok(page) => last(&page, WORKLOADS.len(), renamed).unwrap_or(None),
            Err(_) => None,
        };
        took.is_some()
    })
    .await?;
    took.context("no time of acknowledgement")
}

/// The time from `renamed` to the last acknowledgement, once all of `sidecars` have acknowledged after it.
fn last(page: &Value, sidecars: usize, renamed: SystemTime) -> Result<Option<Duration>> {
    let proxies = page.as_array().context("/debug/syncz is no list")?;
    let mut times = Vec::new();
    for proxy in proxies.iter().filter(|proxy| proxy["proxy_type"] == "sidecar") {
        let mut newest = None;
        for state in proxy["resources"].as_object().context("no resources")?.values() {
            if state["sent"] != state["acked"] {
                return Ok(None);
            }
            newest = newest.max(acked_at(state)?);
        }
        match newest.and_then(|at| at.duration_since(renamed).ok()) {
            Some(took) => times.push(took),
            None => return Ok(None),
        }
    }
    ensure!(times.len() <= sidecars, "{} sidecars where there should be {sidecars}", times.len());
    Ok(if times.len() == sidecars { times.into_iter().max() } else { None })
}

fn acked_at(state: &Value) -> Result<Option<SystemTime>> {
    match &state["ackedTime"] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(OffsetDateTime::parse(text, &Rfc3339)?.into())),
        other => bail!("ackedTime is {other}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let latencies = Latencies((1..=200).map(Duration::from_millis).collect());
        assert_eq!(latencies.percentile(50), Duration::from_millis(100));
        assert_eq!(latencies.percentile(99), Duration::from_millis(198));
        assert_eq!(latencies.max(), Duration::from_millis(200));
        assert_eq!(Latencies::default().percentile(99), Duration::ZERO);
    }

    #[test]
    fn the_last_sidecar_decides_and_all_must_have_answered() {
        let renamed: SystemTime = OffsetDateTime::parse("2026-01-01T00:00:00Z", &Rfc3339).unwrap().into();
        let proxy = |acked: &str, time: &str| {
            json!({"proxy_type": "sidecar", "resources": {"rds": {"sent": "2",
            "acked": acked, "ackedTime": time}}})
        };
        let early = proxy("2", "2026-01-01T00:00:00.002Z");
        let late = proxy("2", "2026-01-01T00:00:00.005Z");
        let owing = proxy("1", "2026-01-01T00:00:00.005Z");
        let old = proxy("2", "2025-12-31T23:59:59Z");
        let took = |proxies: &[&Value]| last(&json!(proxies), 2, renamed).unwrap();
        assert_eq!(took(&[&early, &late]), Some(Duration::from_millis(5)));
        assert_eq!(took(&[&early, &owing]), None);
        assert_eq!(took(&[&early, &old]), None);
        assert_eq!(took(&[&early]), None);
    }
}
