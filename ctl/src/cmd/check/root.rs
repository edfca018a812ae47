//! Checks the root certificate, and its copies in the namespaces.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Report;
use crate::release::title;
use crate::server::Server;

/// The Secrets that can hold it. The first one found is used.
const SECRETS: [&str; 2] = ["cacerts", "istio-ca-secret"];

/// Compares the root of the Secret with the ConfigMaps of all namespaces.
pub(super) async fn root(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    let Some((name, roots)) = roots(server, namespace).await? else {
        report.ok("root", "there is no root certificate yet; heddled creates one at its first start");
        return Ok(());
    };
    let maps = server.list("/api/v1/configmaps?fieldSelector=metadata.name%3Distio-ca-root-cert").await?;
    report.ok(
        format!("Secret {namespace}/{name}"),
        format!("holds the root certificate; {} namespaces have a ConfigMap with a root", maps.len()),
    );
    for map in maps {
        if certificates(map["data"]["root-cert.pem"].as_str().unwrap_or_default()) != roots {
            report.error(title(&map), format!("its root differs from Secret {namespace}/{name}"));
        }
    }
    Ok(())
}

/// The root certificates, and the Secret that holds them.
pub(super) async fn roots(server: &Server, namespace: &str) -> Result<Option<(&'static str, BTreeSet<String>)>> {
    for name in SECRETS {
        let Some(secret) = server.get(&format!("/api/v1/namespaces/{namespace}/secrets/{name}")).await? else {
            continue;
        };
        let key = |key: &str| decoded(&secret["data"][key]);
        // If the signing certificate is the root itself, `root-cert.pem` is empty.
        let root = key("root-cert.pem")?;
        let root = if root.trim().is_empty() { key("ca-cert.pem")? } else { root };
        return Ok(Some((name, certificates(&root))));
    }
    Ok(None)
}

/// The certificates of a PEM bundle, without line breaks.
pub(super) fn certificates(pem: &str) -> BTreeSet<String> {
    let parts = pem.split("-----BEGIN CERTIFICATE-----").skip(1).filter_map(|part| part.split("-----END").next());
    parts.map(|part| part.split_whitespace().collect()).collect()
}

/// Decodes a key of a Secret, or a CA bundle.
pub(super) fn decoded(value: &Value) -> Result<String> {
    let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).context("the value is not base64")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
