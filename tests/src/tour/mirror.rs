//! Step 6: a copy of the traffic to a version whose answers nobody sees.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::stage::Stage;
use super::tally::Tally;
use crate::process::eventually;

const ROUTE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec:
  hosts: [reviews]
  http:
  - name: tour-mirror
    route: [{destination: {host: reviews, subset: v1}}]
    mirror: {host: reviews, subset: v3}
    mirrorPercentage: {value: 100}
";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    mesh.route("productpage-v1", "reviews", "tour-mirror", ROUTE).await?;
    let (v1, v3) = (mesh.application("reviews-v1")?, mesh.application("reviews-v3")?);
    v1.reset().await?;
    v3.reset().await?;
    let tally = Tally::of(&mesh.get("/api/v1/products/0/reviews")?, 30, 4).await?;
    tally.only("reviews-v1")?;
    // The caller does not wait for the copies, so the last may still be under way.
    eventually("copy of each request at v3", Duration::from_secs(3), async || {
        v3.requests().await.is_ok_and(|n| n >= 30)
    })
    .await?;
    let (answered, copies) = (v1.requests().await?, v3.requests().await?);
    ensure!((answered, copies) == (30, 30), "v1 saw {answered} and v3 {copies}");
    Ok(format!("answers: {tally}; v3 saw {copies}"))
}
