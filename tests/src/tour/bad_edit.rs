//! Step 13: an edit with two mistakes is reported by object and field, and harms nobody.

use std::time::Duration;

use anyhow::Result;

use crate::load::Load;
use crate::mesh::Mesh;
use crate::process::eventually;

const ROUTE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: bookinfo}
spec:
  hosts: [reviews]
  http:
  - name: tour-bad-subset
    match: [{headers: {end-user: {exact: nobody}}}]
    route: [{destination: {host: reviews, subset: v9}}]
  - name: tour-bad-regex
    match: [{uri: {regex: 'reviews(('}}]
    route: [{destination: {host: reviews, subset: v2}}]
  - name: tour-after-mistakes
    route: [{destination: {host: reviews, subset: v1}}]
";

/// Where the mistakes are.
const FIELDS: [&str; 2] = ["spec.http[0].route[0].destination.subset", "spec.http[1].match[0].uri.regex"];

pub(super) async fn run(mesh: &mut Mesh) -> Result<String> {
    let load = Load::start(&mesh.get("/api/v1/products/0/reviews")?, 3, Duration::from_millis(5));
    load.pass(20).await;
    mesh.config.put("reviews", ROUTE)?;
    for field in FIELDS {
        eventually(&format!("report of {field}"), Duration::from_secs(10), async || reported(mesh, field).await)
            .await?;
    }
    mesh.until_routed("productpage-v1", "tour-after-mistakes").await?;
    load.pass(30).await;
    let report = load.stop().await;
    report.all_answered()?;
    Ok(format!("{} and {} reported; {} requests, {} failed", FIELDS[0], FIELDS[1], report.sent, report.failed))
}

/// Whether the control plane names the object and the field.
async fn reported(mesh: &Mesh, field: &str) -> bool {
    let Ok(issues) = mesh.heddled.json("/debug/issuez").await else { return false };
    let names = |issue: &serde_json::Value| {
        let issue = issue.to_string();
        issue.contains("reviews") && issue.contains("VirtualService") && issue.contains(field)
    };
    issues.as_array().is_some_and(|issues| issues.iter().any(names))
}
