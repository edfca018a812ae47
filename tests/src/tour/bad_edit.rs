//! Step 14: an edit with two mistakes is reported by object and field, and harms nobody.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::stage::Stage;
use crate::load::Load;
use crate::process::eventually;

const ROUTE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
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

/// The rule of [`ROUTE`] that webhooks refuse, where there are any.
const REFUSED: &str = "  - name: tour-bad-regex
    match: [{uri: {regex: 'reviews(('}}]
    route: [{destination: {host: reviews, subset: v2}}]
";

/// Where the mistakes are.
const FIELDS: [&str; 2] = ["spec.http[0].route[0].destination.subset", "spec.http[1].match[0].uri.regex"];

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let load = Load::start(&mesh.get("/api/v1/products/0/reviews")?, 3, Duration::from_millis(5));
    load.pass(20).await;
    let (mut reported_fields, mut said) = (FIELDS.as_slice(), format!("{} and {} reported", FIELDS[0], FIELDS[1]));
    if let Err(refused) = mesh.put("reviews", ROUTE).await {
        let refused = format!("{refused:#}");
        ensure!(refused.contains(FIELDS[1]), "refused without its path: {refused}");
        (reported_fields, said) = (&FIELDS[..1], format!("{} reported, {} refused", FIELDS[0], FIELDS[1]));
        mesh.put("reviews", &ROUTE.replace(REFUSED, "")).await?;
    }
    for field in reported_fields {
        eventually(&format!("report of {field}"), Duration::from_secs(10), async || reported(mesh, field).await)
            .await?;
    }
    mesh.until_routed("productpage-v1", "tour-after-mistakes").await?;
    load.pass(30).await;
    let report = load.stop().await;
    report.all_answered()?;
    Ok(format!("{said}; {} requests, {} failed", report.sent, report.failed))
}

/// Whether the control plane names the object and the field.
async fn reported(mesh: &impl Stage, field: &str) -> bool {
    let Ok(issues) = mesh.page("/debug/issuez").await else { return false };
    let names = |issue: &serde_json::Value| {
        let issue = issue.to_string();
        issue.contains("reviews") && issue.contains("VirtualService") && issue.contains(field)
    };
    issues.as_array().is_some_and(|issues| issues.iter().any(names))
}
