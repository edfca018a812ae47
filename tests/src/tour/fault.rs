//! Step 4: faults that the mesh injects, for some users only.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::stage::Stage;

const ROUTE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings, namespace: default}
spec:
  hosts: [ratings]
  http:
  - name: tour-delay
    match: [{headers: {end-user: {exact: jason}}}]
    fault: {delay: {fixedDelay: 700ms, percentage: {value: 100}}}
    route: [{destination: {host: ratings, subset: v1}}]
  - name: tour-abort
    match: [{headers: {end-user: {exact: judy}}}]
    fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
    route: [{destination: {host: ratings, subset: v1}}]
  - name: tour-no-fault
    route: [{destination: {host: ratings, subset: v1}}]
";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    mesh.route("productpage-v1", "ratings", "tour-no-fault", ROUTE).await?;
    let call = mesh.get("/api/v1/products/0/ratings")?;
    let delayed = call.clone().header("end-user", "jason").send().await?;
    // Envoy counts from the start of its loop's turn, a few milliseconds before the request.
    let bounds = Duration::from_millis(690)..Duration::from_millis(1500);
    ensure!(delayed.status == 200, "jason: {} {}", delayed.status, delayed.body);
    ensure!(bounds.contains(&delayed.took), "jason waited {:?}", delayed.took);
    let before = mesh.application("ratings-v1")?.requests().await?;
    let aborted = call.clone().header("end-user", "judy").send().await?;
    let seen = mesh.application("ratings-v1")?.requests().await? - before;
    ensure!(aborted.status == 418, "judy: {} {}", aborted.status, aborted.body);
    ensure!(seen == 0, "ratings saw {seen} aborted requests");
    let other = call.send().await?;
    ensure!(other.status == 200 && other.took < bounds.start, "others: {} after {:?}", other.status, other.took);
    Ok(format!(
        "jason: 200 after {} ms; judy: 418, ratings saw {seen}; others: 200 after {} ms",
        delayed.took.as_millis(),
        other.took.as_millis()
    ))
}
