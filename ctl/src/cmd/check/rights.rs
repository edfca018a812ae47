//! Checks the version of the API server, and the permissions of the user.

use anyhow::Result;
use serde_json::json;

use super::Report;
use crate::release::API_RESOURCES;
use crate::server::Server;

/// The first minor version of Kubernetes with native sidecars.
const NATIVE: u32 = 29;

/// Checks that the API server responds, and that it supports native sidecars.
pub(super) async fn version(server: &Server, report: &mut Report) -> Result<()> {
    let version = server.get("/version").await?.unwrap_or_default();
    let name = version["gitVersion"].as_str().unwrap_or("of an unknown version").to_owned();
    let minor = version["minor"].as_str().unwrap_or_default();
    let minor = minor.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
    if minor < NATIVE {
        report.warn(
            "Kubernetes",
            format!("{name} has no native sidecars, which need 1.{NATIVE}; proxies will be ordinary containers"),
        );
    } else {
        report.ok("Kubernetes", name);
    }
    Ok(())
}

/// Checks that the user may write all kinds of an installation.
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
        report.ok("permissions", "you may write all objects of an installation");
    } else {
        report.warn(
            "permissions",
            format!("an installation needs permissions that you do not have: {}", missing.join(", ")),
        );
    }
    Ok(())
}
