//! Checks the webhook configurations: their Services exist, and their CA bundles are the root certificate.

use anyhow::Result;
use serde_json::Value;

use super::Report;
use super::root::{Roots, certificates, decoded, roots};
use crate::release::title;
use crate::server::Server;

/// The suffixes of the webhooks that are checked.
const NAMES: [&str; 2] = ["sidecar-injector.istio.io", "validation.istio.io"];

/// Checks the webhooks for injection and for validation.
pub(super) async fn webhooks(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    let roots = match roots(server, namespace).await? {
        Roots::Loaded(_, roots) => Some(roots),
        Roots::Missing | Roots::Wrong(..) => None,
    };
    for plural in ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
        for configuration in server.list(&format!("/apis/admissionregistration.k8s.io/v1/{plural}")).await? {
            let hooks = configuration["webhooks"].as_array().into_iter().flatten();
            let ours =
                |hook: &&Value| NAMES.iter().any(|name| hook["name"].as_str().is_some_and(|hook| hook.ends_with(name)));
            let hooks: Vec<&Value> = hooks.filter(ours).collect();
            if hooks.is_empty() {
                continue;
            }
            let mut problems = Vec::new();
            for hook in &hooks {
                problems.extend(problem(server, hook, roots.as_ref()).await?);
            }
            problems.sort();
            problems.dedup();
            let revision = configuration["metadata"]["labels"]["istio.io/rev"].as_str().unwrap_or("none");
            match problems.as_slice() {
                [] => report.ok(title(&configuration), format!("{} webhooks of revision {revision}", hooks.len())),
                _ => report.error(title(&configuration), format!("of revision {revision}: {}", problems.join("; "))),
            }
        }
    }
    Ok(())
}

/// The problem of a webhook, if it has one.
async fn problem(
    server: &Server,
    hook: &Value,
    roots: Option<&std::collections::BTreeSet<String>>,
) -> Result<Option<String>> {
    let client = &hook["clientConfig"];
    if let (Some(namespace), Some(name)) = (client["service"]["namespace"].as_str(), client["service"]["name"].as_str())
        && server.get(&format!("/api/v1/namespaces/{namespace}/services/{name}")).await?.is_none()
    {
        return Ok(Some(format!("its Service {namespace}/{name} does not exist")));
    }
    let bundle = certificates(&decoded(&client["caBundle"]).unwrap_or_default());
    Ok(match roots {
        _ if bundle.is_empty() => Some("caBundle is empty; a running control plane writes it".to_owned()),
        Some(roots) if *roots != bundle => Some("caBundle differs from the root certificate".to_owned()),
        _ => None,
    })
}
