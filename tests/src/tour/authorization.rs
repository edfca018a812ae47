//! Step 13: who may call whom, and which policy refused a call.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::stage::{PATIENCE, Stage};
use crate::process::eventually;

const ALLOW: &str = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers, namespace: default}
spec:
  selector: {matchLabels: {app: reviews}}
  rules:
  - from:
    - source: {principals: [cluster.local/ns/default/sa/bookinfo-productpage]}
";
const DENY: &str = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: default}
spec:
  selector: {matchLabels: {app: reviews}}
  action: DENY
  rules:
  - to:
    - operation: {paths: [/reviews/closed*]}
";
const NAME: &str = "ns[default]-policy[closed]-rule[0]";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let status = async |from: &str, path: &str| {
        let call = mesh.call_from(from, &format!("http://reviews:9080{path}")).await?;
        Ok::<_, anyhow::Error>(call.send().await?.status)
    };
    ensure!(status("ratings-v1", "/reviews/0").await? == 200, "ratings calls reviews without a policy");
    mesh.put("callers", ALLOW).await?;
    mesh.put("closed", DENY).await?;
    // Three versions of reviews answer by turns.
    refused(6, async || status("ratings-v1", "/reviews/0").await).await.context("ratings")?;
    refused(6, async || status("productpage-v1", "/reviews/closed-0").await).await.context("the closed path")?;
    for _ in 0..6 {
        let status = status("productpage-v1", "/reviews/0").await?;
        ensure!(status == 200, "productpage gets {status} from reviews");
    }
    let versions = ["reviews-v1", "reviews-v2", "reviews-v3"];
    eventually("the policy in an access log", Duration::from_secs(20), async || {
        versions.iter().any(|version| mesh.log(version).is_ok_and(|log| log.contains(NAME)))
    })
    .await?;
    Ok(format!("productpage 200; ratings 403; /reviews/closed* 403 by {NAME}"))
}

/// Waits until so many calls in a row are refused.
async fn refused(times: usize, status: impl AsyncFn() -> Result<u16>) -> Result<()> {
    let mut in_row = 0;
    let done = eventually("refusals in a row", PATIENCE, async || {
        in_row = if matches!(status().await, Ok(403)) { in_row + 1 } else { 0 };
        in_row == times
    });
    done.await.with_context(|| format!("{in_row} of {times}"))
}
