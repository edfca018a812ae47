//! The authority's root, and what namespaces are told of it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Report;
use crate::release::title;
use crate::server::Server;

/// Secrets that hold it, those first that win.
const SECRETS: [&str; 2] = ["cacerts", "istio-ca-secret"];

/// Compares the root of the Secret with the ConfigMaps of all namespaces.
pub(super) async fn root(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    let Some((name, roots)) = roots(server, namespace).await? else {
        report.ok("root", "no authority is there yet; one is made at the first start");
        return Ok(());
    };
    let maps = server.list("/api/v1/configmaps?fieldSelector=metadata.name%3Distio-ca-root-cert").await?;
    report
        .ok(format!("Secret {namespace}/{name}"), format!("holds the root; {} namespaces are told of one", maps.len()));
    for map in maps {
        if certificates(map["data"]["root-cert.pem"].as_str().unwrap_or_default()) != roots {
            report.error(title(&map), format!("tells another root than Secret {namespace}/{name}"));
        }
    }
    Ok(())
}

/// The roots of the authority, and where they are.
pub(super) async fn roots(server: &Server, namespace: &str) -> Result<Option<(&'static str, BTreeSet<String>)>> {
    for name in SECRETS {
        let Some(secret) = server.get(&format!("/api/v1/namespaces/{namespace}/secrets/{name}")).await? else {
            continue;
        };
        let key = |key: &str| decoded(&secret["data"][key]);
        // Where the signing certificate is the root, the key of the root is empty.
        let root = key("root-cert.pem")?;
        let root = if root.trim().is_empty() { key("ca-cert.pem")? } else { root };
        return Ok(Some((name, certificates(&root))));
    }
    Ok(None)
}

/// The certificates of a bundle, without their line breaks.
pub(super) fn certificates(pem: &str) -> BTreeSet<String> {
    let parts = pem.split("-----BEGIN CERTIFICATE-----").skip(1).filter_map(|part| part.split("-----END").next());
    parts.map(|part| part.split_whitespace().collect()).collect()
}

/// A key of a Secret, or a bundle.
pub(super) fn decoded(value: &Value) -> Result<String> {
    let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).context("no base64")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
