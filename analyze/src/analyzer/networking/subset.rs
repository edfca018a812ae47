//! Subsets without pods.

use std::collections::BTreeMap;

use heddle_crds::networking::destination_rule::{Spec, Subset};
use k8s_openapi::api::core::v1::PodSpec;

use crate::finding::Findings;
use crate::label::{self, Labels};
use crate::message::{SUBSET_WITHOUT_PODS, UNKNOWN_RULE_HOST};
use crate::object::Object;
use crate::registry::{Backend, Registry};
use crate::world::{World, find, within};

/// Labels that endpoints get from the node of their pod.
const OF_NODE: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];
/// The label that endpoints get with the name of the node.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// Labels that endpoints get from their cluster. Nothing here tells their values.
const OF_CLUSTER: [&str; 2] = ["topology.istio.io/network", "topology.istio.io/cluster"];

/// Finds rules for hosts that do not exist, and subsets that no pod of the host belongs to.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let registry = Registry::of(world);
    for rule in &world.destination_rules {
        match registry.find(rule.namespace(), &rule.spec.export_to, &rule.spec.host) {
            Some(backend) => check_subsets(world, rule, backend, findings),
            None => findings.add(&UNKNOWN_RULE_HOST, rule, "spec.host", &[&rule.spec.host]),
        }
    }
}

fn check_subsets(world: &World, rule: &Object<Spec>, backend: Backend<'_>, findings: &mut Findings) {
    if rule.spec.subsets.is_empty() {
        return;
    }
    let endpoints = endpoints(world, rule, backend);
    for (index, subset) in rule.spec.subsets.iter().enumerate() {
        if !endpoints.iter().any(|labels| belongs(subset, labels)) {
            findings.add(&SUBSET_WITHOUT_PODS, rule, format!("spec.subsets[{index}]"), &[&subset.name]);
        }
    }
}

fn belongs(subset: &Subset, labels: &Labels) -> bool {
    let known = subset.labels.iter().filter(|(name, _)| !OF_CLUSTER.contains(&name.as_str()));
    known.into_iter().all(|(name, value)| labels.get(name) == Some(value))
}

/// The labels of all endpoints of a host. A host that is a wildcard stands for many services, so all pods count.
fn endpoints(world: &World, rule: &Object<Spec>, backend: Backend<'_>) -> Vec<Labels> {
    let is_wildcard = rule.spec.host.starts_with('*');
    let own = if let (Backend::Entry(entry), false) = (backend, is_wildcard) {
        entry.spec.endpoints.iter().map(|endpoint| endpoint.labels.clone()).collect()
    } else {
        Vec::new()
    };
    let (selector, everything) = (backend.selector(), Labels::new());
    if !own.is_empty() {
        return own;
    }
    let is_all = is_wildcard || selector.is_none();
    let pods = if is_all { &world.pods[..] } else { world.pods_in(backend.namespace()) };
    let selector = selector.filter(|_| !is_all).unwrap_or(&everything);
    let selected = pods.iter().filter(|pod| label::selects(selector, &pod.meta.labels));
    let mut labels: Vec<Labels> = selected.map(|pod| with_node(world, pod)).collect();
    if matches!(backend, Backend::Entry(_)) {
        let entries = within(&world.workload_entries, backend.namespace()).iter();
        labels.extend(
            entries
                .map(|entry| workload_labels(&entry.meta.labels, &entry.spec.labels))
                .filter(|labels| label::selects(selector, labels)),
        );
    }
    labels
}

fn workload_labels(of_object: &Labels, of_spec: &Labels) -> Labels {
    of_object.iter().chain(of_spec).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The labels of a pod's endpoint: those of the pod, and where its node is. An empty value is no place.
fn with_node(world: &World, pod: &Object<PodSpec>) -> BTreeMap<String, String> {
    let mut labels = pod.meta.labels.clone();
    let Some(name) = pod.spec.node_name.as_deref() else { return labels };
    let Some(node) = find(&world.nodes, "", name) else { return labels };
    for key in OF_NODE {
        if let Some(value) = node.label(key).filter(|value| !value.is_empty()) {
            labels.insert(key.to_owned(), value.to_owned());
        }
    }
    labels.insert(HOSTNAME.to_owned(), name.to_owned());
    labels
}
