//! Names of resources in other resources.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::issue::Issue;
use heddle_xds_api::{Reference, ResourceSet, TypeUrl};

use super::{LINKED, Violation};

/// The reasons of issues that report a missing cluster.
const REPORTED: [&str; 2] = ["UnknownHost", "UnknownPort"];

/// References to resources that do not exist. A route may name a cluster that does not exist if an issue names the
/// cluster's host: requests get 503 then, as in Istio.
pub(super) fn missing<'a>(set: &ResourceSet, issues: impl IntoIterator<Item = &'a Issue>) -> Vec<Violation> {
    let issues: Vec<&Issue> = issues.into_iter().filter(|issue| REPORTED.contains(&issue.reason)).collect();
    let is_reported = |cluster: &str| issues.iter().any(|issue| names(issue, cluster));
    let mut found = Vec::new();
    for type_url in LINKED {
        for resource in set.typed(type_url).iter() {
            for needs in resource.references() {
                let is_excused = needs.type_url == TypeUrl::Cluster && is_reported(&needs.name);
                if !exists(set, needs) && !is_excused {
                    found.push(Violation::Missing { type_url, name: resource.name().clone(), needs: needs.clone() });
                }
            }
        }
    }
    found
}

/// Assignments of endpoints that no cluster uses. Envoy never asks for them.
pub(super) fn unused_endpoints(set: &ResourceSet) -> Vec<Violation> {
    let clusters = set.typed(TypeUrl::Cluster);
    let references = clusters.iter().flat_map(|cluster| cluster.references());
    let used: BTreeSet<&Arc<str>> =
        references.filter(|needs| needs.type_url == TypeUrl::Endpoint).map(|needs| &needs.name).collect();
    let endpoints = set.typed(TypeUrl::Endpoint);
    let unused = endpoints.iter().map(|resource| resource.name()).filter(|name| !used.contains(name));
    unused.map(|name| Violation::UnusedEndpoints(name.clone())).collect()
}

/// Whether the message of an issue names the host of an outbound cluster. Here a cluster has a name only, which ends
/// with its host. The message has the whole host where the cluster may have the short name.
fn names(issue: &Issue, cluster: &str) -> bool {
    let Some((_, host)) = cluster.rsplit_once('|') else { return false };
    let mut words = issue.message.split(' ').filter_map(|word| word.strip_prefix(host));
    words.any(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn exists(set: &ResourceSet, needs: &Reference) -> bool {
    match needs.type_url {
        // A route configuration refers to all its virtual hosts. Without any, Envoy waits for the first one forever.
        TypeUrl::VirtualHost => set.typed(TypeUrl::VirtualHost).members(&needs.name).next().is_some(),
        type_url => set.get(type_url, &needs.name).is_some(),
    }
}
