//! Checks the control planes of Heddle and istiod, and the namespaces that select one.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use super::Report;
use crate::release::title;
use crate::server::Server;

/// Checks the Deployments with the label `app=istiod`, and the labels of namespaces.
pub(super) async fn planes(server: &Server, report: &mut Report) -> Result<()> {
    let mut revisions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for plane in server.list("/apis/apps/v1/deployments?labelSelector=app%3Distiod").await? {
        let revision = label(&plane, "istio.io/rev").unwrap_or("default").to_owned();
        let ours = label(&plane, "app.kubernetes.io/part-of") == Some("heddle");
        let ready = plane["status"]["availableReplicas"].as_u64().unwrap_or_default();
        let what = format!("{} of revision {revision}, {ready} ready", if ours { "Heddle" } else { "istiod" });
        match (ours, ready) {
            (false, _) => report
                .warn(title(&plane), format!("{what}; Heddle with the same revision would write the same objects")),
            (true, 0) => report.error(title(&plane), what),
            (true, _) => report.ok(title(&plane), what),
        }
        revisions.entry(revision).or_default().push(title(&plane));
    }
    for (revision, planes) in revisions.iter().filter(|(_, planes)| planes.len() > 1) {
        report.error("revision", format!("{revision} belongs to more than one control plane: {}", planes.join(", ")));
    }
    if revisions.is_empty() {
        report.ok("control planes", "none is installed yet");
    }
    for namespace in server.list("/api/v1/namespaces").await? {
        let enabled = label(&namespace, "istio-injection") == Some("enabled");
        let asked = label(&namespace, "istio.io/rev").or(enabled.then_some("default"));
        if let Some(asked) = asked.filter(|asked| !revisions.contains_key(*asked)) {
            report.warn(title(&namespace), format!("asks for revision {asked}, but no control plane has it"));
        }
    }
    Ok(())
}

fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"][key].as_str()
}
