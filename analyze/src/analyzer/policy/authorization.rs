//! Policies for nobody.

use std::collections::BTreeMap;

use heddle_crds::security::authorization_policy::Spec;

use crate::finding::Findings;
use crate::injection::{is_pod_ambient, is_pod_in_mesh};
use crate::label::{self, Labels};
use crate::message::{NO_MATCHING_WORKLOADS, NOT_FOUND};
use crate::object::Object;
use crate::world::World;

/// Finds policies that no workload has, and namespaces of callers that do not exist.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let mut workloads: BTreeMap<&str, Vec<&Labels>> = BTreeMap::new();
    for pod in world.pods.iter().filter(|pod| is_pod_in_mesh(pod, world) || is_pod_ambient(pod)) {
        workloads.entry(pod.namespace()).or_default().push(&pod.meta.labels);
    }
    for policy in &world.authorization_policies {
        check_selector(world, policy, &workloads, findings);
        check_namespaces(world, policy, findings);
    }
}

fn check_selector(
    world: &World,
    policy: &Object<Spec>,
    workloads: &BTreeMap<&str, Vec<&Labels>>,
    findings: &mut Findings,
) {
    // A policy with a target is for a gateway or a service.
    if policy.spec.target_ref.is_some() || !policy.spec.target_refs.is_empty() {
        return;
    }
    let is_mesh_wide = policy.namespace() == world.root_namespace();
    let near = workloads.iter().filter(|(namespace, _)| is_mesh_wide || **namespace == policy.namespace());
    let mut labels = near.flat_map(|(_, labels)| labels);
    match &policy.spec.selector {
        None if is_mesh_wide || labels.next().is_some() => {}
        None => findings.add(&NO_MATCHING_WORKLOADS, policy, "", &[&"(any)"]),
        Some(selector) => {
            if !labels.any(|labels| label::selects(&selector.match_labels, labels)) {
                let path = label::first("spec.selector.matchLabels", &selector.match_labels);
                findings.add(&NO_MATCHING_WORKLOADS, policy, path, &[&label::text(&selector.match_labels)]);
            }
        }
    }
}

fn check_namespaces(world: &World, policy: &Object<Spec>, findings: &mut Findings) {
    for (rule, content) in policy.spec.rules.iter().enumerate() {
        for (number, from) in content.from.iter().enumerate() {
            let Some(source) = &from.source else { continue };
            let lists = [("namespaces", &source.namespaces), ("notNamespaces", &source.not_namespaces)];
            for (field, names) in lists {
                for (index, name) in names.iter().enumerate().filter(|(_, name)| !exists(world, name)) {
                    let path = format!("spec.rules[{rule}].from[{number}].source.{field}[{index}]");
                    findings.add(&NOT_FOUND, policy, path, &[&"namespace", name]);
                }
            }
        }
    }
}

/// Whether a namespace fits a name, which may begin or end with `*`.
fn exists(world: &World, pattern: &str) -> bool {
    let fits = |name: &str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(begin)) => name.starts_with(begin),
        (None, None) => name.eq_ignore_ascii_case(pattern),
    };
    pattern == "*" || world.namespaces.iter().any(|namespace| fits(namespace.name()))
}
