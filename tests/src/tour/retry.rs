//! Step 5: a timeout against a slow ratings, and retries against a failing one.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::stage::Stage;

const TIMEOUT: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings, namespace: default}
spec:
  hosts: [ratings]
  http:
  - name: tour-timeout
    timeout: 300ms
    route: [{destination: {host: ratings, subset: v1}}]
";

const RETRIES: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings, namespace: default}
spec:
  hosts: [ratings]
  http:
  - name: tour-retries
    retries: {attempts: 3, perTryTimeout: 2s, retryOn: 5xx}
    route: [{destination: {host: ratings, subset: v1}}]
";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let ratings = mesh.application("ratings-v1")?;
    let call = mesh.get("/api/v1/products/0/ratings")?;
    mesh.route("productpage-v1", "ratings", "tour-timeout", TIMEOUT).await?;
    ratings.fault(&json!({"delay_ms": 2000})).await?;
    let late = call.clone().send().await?;
    // Envoy counts from the start of its loop's turn, a few milliseconds before the request.
    let bounds = Duration::from_millis(290)..Duration::from_millis(1500);
    ensure!(late.status == 504, "slow ratings: {} {}", late.status, late.body);
    ensure!(bounds.contains(&late.took), "504 after {:?}", late.took);

    mesh.route("productpage-v1", "ratings", "tour-retries", RETRIES).await?;
    ratings.reset().await?;
    ratings.fault(&json!({"status": 503, "failing": 2, "of": 3})).await?;
    let mut answered = 0;
    for _ in 0..10 {
        answered += usize::from(call.clone().send().await?.status == 200);
    }
    let attempts = ratings.requests().await?;
    ensure!(answered == 10, "{answered} of 10 answered in {attempts} attempts");
    ensure!(attempts == 30, "{attempts} attempts for 10 requests, each of which two failures precede");
    Ok(format!("504 after {} ms; {answered} of 10 answered in {attempts} attempts", late.took.as_millis()))
}
