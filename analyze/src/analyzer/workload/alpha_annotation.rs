//! Annotations of alpha features.

use k8s_openapi::api::core::v1::PodSpec;

use super::known_annotation::{KnownAnnotation, find, is_of_user};
use crate::finding::Findings;
use crate::message::ALPHA_ANNOTATION;
use crate::object::Object;
use crate::world::World;

/// Written by the CNI plugin of Istio.
const OF_CNI: [&str; 4] = [
    "sidecar.istio.io/interceptionMode",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
];

/// Finds annotations of alpha features.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    world.namespaces.iter().for_each(|object| check_object(object, &[], findings));
    world.services.iter().for_each(|object| check_object(object, &[], findings));
    for pod in &world.pods {
        check_object(pod, if is_redirected_by_cni(&pod.spec) { &OF_CNI } else { &[] }, findings);
    }
    world.deployments.iter().for_each(|object| check_object(object, &[], findings));
}

fn check_object<T>(object: &Object<T>, automatic: &[&str], findings: &mut Findings) {
    let of_user = object.meta.annotations.keys().filter(|name| is_of_user(name) && !automatic.contains(&name.as_str()));
    for name in of_user.filter(|name| find(name).is_some_and(KnownAnnotation::is_alpha)) {
        findings.add(&ALPHA_ANNOTATION, object, format!("metadata.annotations.{name}"), &[name]);
    }
}

/// Without the plugin, an init container redirects the traffic.
fn is_redirected_by_cni(pod: &PodSpec) -> bool {
    !pod.init_containers.iter().flatten().any(|container| container.name == heddle_inject::INIT)
}
