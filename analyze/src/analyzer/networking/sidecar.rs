//! Sidecars that select nothing, or the same.

use std::collections::BTreeMap;

use heddle_crds::networking::sidecar::Spec;
use k8s_openapi::api::core::v1::PodSpec;

use crate::finding::Findings;
use crate::injection::{is_namespace_ambient, is_pod_ambient};
use crate::label::{self, Labels};
use crate::message::{CONFLICTING_SIDECARS, INEFFECTIVE_POLICY, NOT_FOUND, SIDECARS_WITHOUT_SELECTOR};
use crate::object::Object;
use crate::world::World;

/// A pod, and the Sidecars that select it.
type Selected<'a> = (&'a Object<PodSpec>, Vec<&'a Object<Spec>>);

/// Finds Sidecars without pods, several Sidecars of one pod or namespace, and Sidecars where there are no sidecars.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let mut of_pods: BTreeMap<(&str, &str), Selected<'_>> = BTreeMap::new();
    let mut of_namespaces: BTreeMap<&str, Vec<&Object<Spec>>> = BTreeMap::new();
    for sidecar in &world.sidecars {
        let Some(selector) = selector(sidecar) else {
            of_namespaces.entry(sidecar.namespace()).or_default().push(sidecar);
            continue;
        };
        let pods = world.pods_in(sidecar.namespace()).iter();
        let selected: Vec<_> = pods.filter(|pod| label::selects(selector, &pod.meta.labels)).collect();
        if selected.is_empty() {
            let path = label::first("spec.workloadSelector.labels", selector);
            findings.add(&NOT_FOUND, sidecar, path, &[&"workload with the labels", &label::text(selector)]);
        }
        for pod in selected {
            of_pods.entry((pod.namespace(), pod.name())).or_insert((pod, Vec::new())).1.push(sidecar);
        }
    }
    for (pod, sidecars) in of_pods.into_values() {
        check_pod(pod, &sidecars, findings);
    }
    for (namespace, sidecars) in of_namespaces {
        check_namespace(world, namespace, &sidecars, findings);
    }
}

fn selector(sidecar: &Object<Spec>) -> Option<&Labels> {
    let selector = sidecar.spec.workload_selector.as_ref()?;
    Some(&selector.labels).filter(|labels| !labels.is_empty())
}

fn check_pod(pod: &Object<PodSpec>, sidecars: &[&Object<Spec>], findings: &mut Findings) {
    let names = names(sidecars);
    for sidecar in sidecars {
        if is_pod_ambient(pod) {
            let reason = "the selected workload is in ambient mode";
            findings.add(&INEFFECTIVE_POLICY, sidecar, "spec.workloadSelector", &[&reason]);
        } else if sidecars.len() > 1 {
            let arguments: [&dyn std::fmt::Display; 3] = [&names, &pod.namespace(), &pod.name()];
            findings.add(&CONFLICTING_SIDECARS, sidecar, "spec.workloadSelector", &arguments);
        }
    }
}

fn check_namespace(world: &World, namespace: &str, sidecars: &[&Object<Spec>], findings: &mut Findings) {
    let is_ambient = world.namespace(namespace).is_some_and(is_namespace_ambient);
    let names = names(sidecars);
    for sidecar in sidecars {
        if is_ambient {
            findings.add(&INEFFECTIVE_POLICY, sidecar, "", &[&"the namespace is in ambient mode"]);
        } else if sidecars.len() > 1 {
            findings.add(&SIDECARS_WITHOUT_SELECTOR, sidecar, "", &[&names, &namespace]);
        }
    }
}

fn names(sidecars: &[&Object<Spec>]) -> String {
    let names: Vec<&str> = sidecars.iter().map(|sidecar| sidecar.name()).collect();
    names.join(", ")
}
