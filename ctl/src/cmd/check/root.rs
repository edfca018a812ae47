//! Checks the root certificate, and its copies in the namespaces.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heddle_ca::{AuthorityError, Files, REVOCATIONS};
use serde_json::Value;
use time::OffsetDateTime;

use super::Report;
use crate::release::title;
use crate::server::Server;

/// The Secret with the operator's files, which the chart mounts. It has priority.
const PLUGGED_IN: &str = "cacerts";
/// The Secret with the self-signed root.
const SELF_SIGNED: &str = "istio-ca-secret";

/// Compares the root of the Secret with the ConfigMaps of all namespaces.
pub(super) async fn root(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    let secret = server.get(&format!("/api/v1/namespaces/{namespace}/secrets/{PLUGGED_IN}")).await?;
    if secret.is_some_and(|secret| secret["data"][REVOCATIONS].is_string()) {
        report.warn(
            format!("Secret {namespace}/{PLUGGED_IN}, {REVOCATIONS}"),
            "has no effect: proxies do not get revocations, and accept revoked certificates",
        );
    }
    let (name, roots) = match roots(server, namespace).await? {
        Roots::Missing => {
            report.ok("root", "there is no root certificate yet; heddled creates one at its first start");
            return Ok(());
        }
        Roots::Wrong(name, error) => {
            report.error(format!("Secret {namespace}/{name}"), format!("heddled cannot start with it: {error}"));
            return Ok(());
        }
        Roots::Loaded(name, roots) => (name, roots),
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

/// The root certificates of a cluster.
pub(super) enum Roots {
    /// There are none yet.
    Missing,
    /// The named Secret has files that heddled refuses.
    Wrong(&'static str, AuthorityError),
    /// Those of the named Secret.
    Loaded(&'static str, BTreeSet<String>),
}

/// Loads the authority as heddled does at its start.
pub(super) async fn roots(server: &Server, namespace: &str) -> Result<Roots> {
    for name in [PLUGGED_IN, SELF_SIGNED] {
        let Some(secret) = server.get(&format!("/api/v1/namespaces/{namespace}/secrets/{name}")).await? else {
            continue;
        };
        let mut files = Files::new();
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            files.insert(key.clone(), bytes(value)?);
        }
        if name == SELF_SIGNED {
            files = heddle_ca::secret_files(files);
        } else {
            files.retain(|name, _| heddle_ca::FILES.contains(&name.as_str()));
        }
        // A mounted Secret without the authority's files counts as none.
        if files.is_empty() {
            continue;
        }
        return Ok(match heddle_ca::load(&files, OffsetDateTime::now_utc()) {
            Ok(authority) => Roots::Loaded(name, certificates(authority.roots().pem())),
            Err(error) => Roots::Wrong(name, error),
        });
    }
    Ok(Roots::Missing)
}

/// The certificates of a PEM bundle, without line breaks.
pub(super) fn certificates(pem: &str) -> BTreeSet<String> {
    let parts = pem.split("-----BEGIN CERTIFICATE-----").skip(1).filter_map(|part| part.split("-----END").next());
    parts.map(|part| part.split_whitespace().collect()).collect()
}

/// Decodes a key of a Secret, or a CA bundle.
pub(super) fn decoded(value: &Value) -> Result<String> {
    Ok(String::from_utf8_lossy(&bytes(value)?).into_owned())
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
    STANDARD.decode(value.as_str().unwrap_or_default()).context("the value is not base64")
}
