//! Namespaces and pods without sidecars.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use crate::finding::Findings;
use crate::injection::{
    INJECT, INJECTION, REVISION, is_namespace_ambient, is_namespace_injected, is_pod_ambient, is_system_namespace,
    proxy,
};
use crate::message::{INJECTED_BY_DEFAULT, MULTIPLE_INJECTION_LABELS, NAMESPACE_NOT_INJECTED, POD_MISSING_PROXY};
use crate::object::Object;
use crate::world::World;

/// Where the control plane is. Nothing is injected there.
const SYSTEM: &str = "istio-system";

/// Finds namespaces that say nothing or two things about injection, and pods that lack their sidecars.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for namespace in world.namespaces.iter().filter(|one| one.name() != SYSTEM && !is_system_namespace(one.name())) {
        check_namespace(world, namespace, findings);
    }
    for pod in &world.pods {
        let name = pod.namespace();
        let is_skipped = name == SYSTEM || is_system_namespace(name);
        let namespace = world.namespace(name).filter(|_| !is_skipped);
        let is_injected = namespace.is_some_and(|one| is_namespace_injected(one) && !has_both_labels(one));
        if is_injected && lacks_proxy(pod) {
            findings.add(&POD_MISSING_PROXY, pod, "", &[&pod.identity.full_name()]);
        }
    }
}

fn check_namespace(world: &World, namespace: &Object<()>, findings: &mut Findings) {
    let name = namespace.name();
    if has_both_labels(namespace) {
        findings.add(&MULTIPLE_INJECTION_LABELS, namespace, "metadata.labels", &[&name]);
        return;
    }
    let is_silent = [INJECTION, REVISION].iter().all(|label| namespace.label(label).is_none_or(str::is_empty));
    if !is_silent || is_namespace_ambient(namespace) {
        return;
    }
    if enables_by_default(world, namespace.label(REVISION).unwrap_or_default()) {
        findings.add(&INJECTED_BY_DEFAULT, namespace, "", &[]);
    } else {
        findings.add(&NAMESPACE_NOT_INJECTED, namespace, "metadata.name", &[&name]);
    }
}

fn has_both_labels(namespace: &Object<()>) -> bool {
    namespace.label(INJECTION).is_some_and(|value| !value.is_empty()) && namespace.label(REVISION).is_some()
}

fn lacks_proxy(pod: &Object<PodSpec>) -> bool {
    let wish = pod.label(INJECT).or_else(|| pod.meta.annotations.get(INJECT).map(String::as_str));
    let is_refused = wish.is_some_and(|wish| wish.eq_ignore_ascii_case("false"));
    let containers = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten());
    let image = proxy(containers).and_then(|container| container.image.as_deref()).unwrap_or_default();
    image.is_empty() && !is_refused && pod.spec.host_network != Some(true) && !is_pod_ambient(pod)
}

/// Whether the injector of a revision injects where nothing is said.
fn enables_by_default(world: &World, revision: &str) -> bool {
    let name = injector(revision);
    let values = world.config_maps.iter().filter(|map| map.name() == name).find_map(|map| map.spec.get("values"));
    let values = values.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let pointer = "/sidecarInjectorWebhook/enableNamespacesByDefault";
    values.is_some_and(|values| values.pointer(pointer) == Some(&Value::Bool(true)))
}

/// The ConfigMap of a revision's injector.
pub(super) fn injector(revision: &str) -> String {
    match revision {
        "" | "default" => "istio-sidecar-injector".to_owned(),
        revision => format!("istio-sidecar-injector-{revision}"),
    }
}
