//! Names in a proxy's output that lead nowhere: a route's cluster, a cluster's endpoints, a listener's routes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Output;

/// A name that leads nowhere.
#[derive(Debug)]
pub(crate) struct Dangling {
    /// The name and the resource that it is in, in words.
    pub(crate) what: String,
    /// The name, when it is a cluster's.
    pub(crate) cluster: Option<String>,
}

/// Every dangling name.
pub(crate) fn names(output: &Output) -> Vec<Dangling> {
    let other = |what: String| Dangling { what, cluster: None };
    let clusters = held(output, "clusters", "name");
    let mut wrong = Vec::new();
    for kind in ["listeners", "routes"] {
        for resource in &output[kind] {
            let mut found = BTreeSet::new();
            clusters_in(resource, &mut found);
            for name in found.difference(&clusters) {
                let what = format!("{} of {kind} sends to the cluster {name}, which does not exist", resource["name"]);
                wrong.push(Dangling { what, cluster: Some(name.clone()) });
            }
        }
    }
    let routes = held(output, "routes", "name");
    for listener in &output["listeners"] {
        let mut found = BTreeSet::new();
        routes_in(listener, &mut found);
        for name in found.difference(&routes) {
            wrong.push(other(format!("listener {} asks for the routes {name}, which do not exist", listener["name"])));
        }
    }
    let endpoints = held(output, "endpoints", "clusterName");
    for cluster in output["clusters"].iter().filter(|cluster| cluster["type"] == "EDS") {
        let name = cluster["edsClusterConfig"]["serviceName"]
            .as_str()
            .or_else(|| cluster["name"].as_str())
            .unwrap_or_default();
        if !endpoints.contains(name) {
            wrong.push(other(format!("cluster {} has no endpoints entry", cluster["name"])));
        }
    }
    wrong
}

fn held(output: &Output, kind: &str, key: &str) -> BTreeSet<String> {
    output[kind].iter().filter_map(|one| one[key].as_str().map(str::to_owned)).collect()
}

/// The clusters that a route action, a mirror or a TCP proxy names.
fn clusters_in(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("cluster").and_then(Value::as_str).map(str::to_owned));
            let weighted = fields.get("weightedClusters").and_then(|weighted| weighted["clusters"].as_array());
            found.extend(weighted.into_iter().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned)));
            fields.values().for_each(|inner| clusters_in(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| clusters_in(inner, found)),
        _ => {}
    }
}

fn routes_in(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("rds").and_then(|rds| rds["routeConfigName"].as_str()).map(str::to_owned));
            fields.values().for_each(|inner| routes_in(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| routes_in(inner, found)),
        _ => {}
    }
}
