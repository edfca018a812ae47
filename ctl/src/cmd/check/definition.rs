//! Checks the custom resource definitions: their presence, their owners and their served versions.

use anyhow::Result;
use serde_json::{Map, Value};

use super::Report;
use crate::chart::{BASE, Release};
use crate::release::{path, title};
use crate::server::Server;

/// Compares the installed definitions with those of the chart.
pub(super) async fn definitions(server: &Server, report: &mut Report) -> Result<()> {
    let release = Release { name: "istio-base", namespace: "istio-system" };
    let ours = BASE.render(release, &Value::Object(Map::new()))?.objects;
    let (mut missing, mut total) = (Vec::new(), 0);
    for want in ours.iter().filter(|object| object["kind"] == "CustomResourceDefinition") {
        total += 1;
        let Some(live) = server.get(&path(want)?).await? else {
            missing.push(title(want));
            continue;
        };
        let (found, wanted) = (versions(&live), versions(want));
        let lacking: Vec<&str> = wanted.iter().copied().filter(|version| !found.contains(version)).collect();
        let owner = owner(&live);
        if lacking.is_empty() {
            report.ok(title(want), format!("serves {}; {owner}", found.join(", ")));
        } else {
            report.warn(title(want), format!("does not serve {}; {owner}", lacking.join(", ")));
        }
    }
    match missing.len() {
        0 => {}
        all if all == total => report.ok("definitions", "none is installed yet"),
        _ => report.warn("definitions", format!("missing: {}", missing.join(", "))),
    }
    Ok(())
}

fn versions(definition: &Value) -> Vec<&str> {
    let all = definition["spec"]["versions"].as_array().into_iter().flatten();
    all.filter(|version| version["served"] == true).filter_map(|version| version["name"].as_str()).collect()
}

/// The Helm release, or the field managers.
fn owner(live: &Value) -> String {
    let meta = &live["metadata"];
    let annotation = |key: &str| meta["annotations"][key].as_str();
    if let Some(name) = annotation("meta.helm.sh/release-name") {
        let namespace = annotation("meta.helm.sh/release-namespace").unwrap_or_default();
        return format!("owned by the Helm release {namespace}/{name}");
    }
    let mut writers: Vec<&str> = meta["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| entry["subresource"] != "status")
        .filter_map(|entry| entry["manager"].as_str())
        .collect();
    writers.sort_unstable();
    writers.dedup();
    format!("written by {}", writers.join(", "))
}
