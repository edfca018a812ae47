//! Step 3: a tenth of the traffic to a new version.

use anyhow::{Result, ensure};

use super::stage::Stage;
use super::tally::Tally;

const ROUTE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec:
  hosts: [reviews]
  http:
  - name: tour-canary
    route:
    - {destination: {host: reviews, subset: v1}, weight: 90}
    - {destination: {host: reviews, subset: v3}, weight: 10}
";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    mesh.route("productpage-v1", "reviews", "tour-canary", ROUTE).await?;
    let tally = Tally::of(&mesh.get("/api/v1/products/0/reviews")?, 1000, 8).await?;
    let (stable, canary) = (tally.count("reviews-v1"), tally.count("reviews-v3"));
    ensure!(stable + canary == 1000, "others answered too: {tally}");
    ensure!((60..=140).contains(&canary), "{tally}");
    Ok(tally.to_string())
}
