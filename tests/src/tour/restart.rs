//! Step 15: the control plane dies and comes back; traffic does not notice, and edits go on.

use std::time::Duration;

use anyhow::Result;

use super::stage::Stage;
use super::tally::Tally;
use crate::load::Load;

const ROUTE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec:
  hosts: [reviews]
  http:
  - name: tour-after-return
    route: [{destination: {host: reviews, subset: v3}}]
";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let load = Load::start(&mesh.get("/api/v1/products/0/reviews")?, 3, Duration::from_millis(5));
    load.pass(20).await;
    mesh.crash().await?;
    load.pass(150).await;
    mesh.recover().await?;
    mesh.route("productpage-v1", "reviews", "tour-after-return", ROUTE).await?;
    load.pass(30).await;
    let report = load.stop().await;
    report.all_answered()?;
    let after = Tally::of(&mesh.get("/api/v1/products/0/reviews")?, 20, 2).await?;
    after.only("reviews-v3")?;
    Ok(format!("{} requests, {} failed; after the edit {after}", report.sent, report.failed))
}
