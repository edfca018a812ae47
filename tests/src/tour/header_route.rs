//! Step 2: who is logged in decides the version. In the oldest version of the API, which still counts.

use anyhow::Result;

use super::stage::Stage;
use super::tally::Tally;

const ROUTE: &str = "
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec:
  hosts: [reviews]
  http:
  - name: tour-jason
    match: [{headers: {end-user: {exact: jason}}}]
    route: [{destination: {host: reviews, subset: v2}}]
  - name: tour-others
    route: [{destination: {host: reviews, subset: v1}}]
";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    mesh.route("productpage-v1", "reviews", "tour-others", ROUTE).await?;
    let call = mesh.get("/api/v1/products/0/reviews")?;
    let jason = Tally::of(&call.clone().header("end-user", "jason"), 20, 4).await?;
    let other = Tally::of(&call.clone().header("end-user", "jasonx"), 20, 4).await?;
    let nobody = Tally::of(&call, 20, 4).await?;
    jason.only("reviews-v2")?;
    other.only("reviews-v1")?;
    nobody.only("reviews-v1")?;
    Ok(format!("jason: {jason}; another: {other}; nobody: {nobody}"))
}
