//! The API server, and what it lets us write.

use anyhow::Result;
use serde_json::json;

use super::Report;
use crate::release::API_RESOURCES;
use crate::server::Server;

/// The first minor version of Kubernetes with native sidecars.
const NATIVE: u32 = 29;

/// Whether there is one, and whether it knows native sidecars.
pub(super) async fn version(server: &Server, report: &mut Report) -> Result<()> {
    let version = server.get("/version").await?.unwrap_or_default();
    let name = version["gitVersion"].as_str().unwrap_or("of no version").to_owned();
    let minor = version["minor"].as_str().unwrap_or_default();
    let minor = minor.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
    if minor < NATIVE {
        report.warn(
            "Kubernetes",
            format!("{name}: native sidecars need 1.{NATIVE}; proxies will be ordinary containers"),
        );
    } else {
        report.ok("Kubernetes", name);
    }
    Ok(())
}

/// Whether all kinds of an installation may be written by who asks.
pub(super) async fn rights(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    let mut missing = Vec::new();
    for kind in &API_RESOURCES {
        for verb in ["create", "patch"] {
            let (group, resource) = kind.resource();
            let attributes = json!({"namespace": namespace, "verb": verb, "group": group, "resource": resource});
            let review = json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            });
            let answer = server.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await?;
            if answer["status"]["allowed"] != true {
                missing.push(format!("{verb} {resource}"));
            }
        }
    }
    if missing.is_empty() {
        report.ok("rights", "all that an installation writes may be written");
    } else {
        report.warn("rights", format!("you may not {}, which an installation does", missing.join(", ")));
    }
    Ok(())
}
