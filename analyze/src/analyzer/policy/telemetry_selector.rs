//! Telemetries that select nothing, or the same.

use std::collections::BTreeMap;

use heddle_crds::telemetry::Spec;

use crate::finding::Findings;
use crate::label;
use crate::message::{CONFLICTING_TELEMETRIES, NOT_FOUND};
use crate::object::Object;
use crate::world::World;

/// Finds Telemetries without pods, and several Telemetries of one pod.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let mut of_pods: BTreeMap<(&str, &str), Vec<&Object<Spec>>> = BTreeMap::new();
    for telemetry in &world.telemetries {
        let selector = telemetry.spec.selector.as_ref().map(|selector| &selector.match_labels);
        let Some(selector) = selector.filter(|labels| !labels.is_empty()) else { continue };
        let pods = world.pods_in(telemetry.namespace()).iter();
        let mut selected = pods.filter(|pod| label::selects(selector, &pod.meta.labels)).peekable();
        if selected.peek().is_none() {
            let path = label::first("spec.selector.matchLabels", selector);
            findings.add(&NOT_FOUND, telemetry, path, &[&"workload with the labels", &label::text(selector)]);
        }
        for pod in selected {
            of_pods.entry((pod.namespace(), pod.name())).or_default().push(telemetry);
        }
    }
    for ((namespace, pod), telemetries) in of_pods.into_iter().filter(|(_, telemetries)| telemetries.len() > 1) {
        let names = telemetries.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
        for telemetry in telemetries {
            let arguments: [&dyn std::fmt::Display; 3] = [&names, &namespace, &pod];
            findings.add(&CONFLICTING_TELEMETRIES, telemetry, "spec.selector", &arguments);
        }
    }
}
