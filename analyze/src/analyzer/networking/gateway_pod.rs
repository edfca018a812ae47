//! The pods that a gateway is for.

use heddle_crds::networking::gateway::Spec;
use k8s_openapi::api::core::v1::PodSpec;

use crate::finding::Findings;
use crate::label;
use crate::message::NOT_FOUND;
use crate::object::Object;
use crate::world::World;

/// The pods that a gateway selects, in any namespace. If there are none, that is a finding.
pub(super) fn pods<'a>(gateway: &Object<Spec>, world: &'a World, findings: &mut Findings) -> Vec<&'a Object<PodSpec>> {
    let selector = &gateway.spec.selector;
    let pods: Vec<_> = world.pods.iter().filter(|pod| label::selects(selector, &pod.meta.labels)).collect();
    if pods.is_empty() {
        let path = label::first("spec.selector", selector);
        findings.add(&NOT_FOUND, gateway, path, &[&"workload with the labels", &label::text(selector)]);
    }
    pods
}
