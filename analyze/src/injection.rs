//! Which workloads have a sidecar, and which are in ambient mode.

use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::label::Labels;
use crate::object::Object;
use crate::world::World;

/// The name of the sidecar's container.
pub(crate) const PROXY: &str = "istio-proxy";
/// The label, and formerly annotation, of a pod that decides about its sidecar.
pub(crate) const INJECT: &str = "sidecar.istio.io/inject";
/// The label of a namespace that decides about the sidecars of its pods.
pub(crate) const INJECTION: &str = "istio-injection";
/// The label that names a revision.
pub(crate) const REVISION: &str = "istio.io/rev";

/// Whether a pod has a sidecar or would get one.
pub(crate) fn is_pod_in_mesh(pod: &Object<PodSpec>, world: &World) -> bool {
    let containers = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten());
    is_in_mesh(containers, &pod.meta.labels, &pod.meta.annotations, pod.namespace(), world)
}

/// The container of the sidecar.
pub(crate) fn proxy<'a>(mut containers: impl Iterator<Item = &'a Container>) -> Option<&'a Container> {
    containers.find(|container| container.name == PROXY)
}

/// Whether the pods of a template have a sidecar or would get one. What says so first is: the sidecar itself, the pod's
/// label, its annotation, the namespace's label.
pub(crate) fn is_in_mesh<'a>(
    containers: impl Iterator<Item = &'a Container>,
    labels: &Labels,
    annotations: &Labels,
    namespace: &str,
    world: &World,
) -> bool {
    let image = proxy(containers).and_then(|container| container.image.as_deref()).unwrap_or_default();
    let wish = labels.get(INJECT).or_else(|| annotations.get(INJECT));
    !image.is_empty()
        || wish.map_or_else(
            || world.namespace(namespace).is_some_and(is_namespace_injected),
            |wish| wish.eq_ignore_ascii_case("true"),
        )
}

/// Whether the pods of a namespace get sidecars.
pub(crate) fn is_namespace_injected(namespace: &Object<()>) -> bool {
    namespace.label(INJECTION).map_or_else(|| namespace.label(REVISION).is_some(), |value| value == "enabled")
}

/// Whether a pod was made part of the mesh without a sidecar.
pub(crate) fn is_pod_ambient(pod: &Object<PodSpec>) -> bool {
    pod.meta.annotations.get("ambient.istio.io/redirection").is_some_and(|value| value == "enabled")
}

/// Whether the pods of a namespace are part of the mesh without sidecars.
pub(crate) fn is_namespace_ambient(namespace: &Object<()>) -> bool {
    namespace.label(INJECTION) != Some("enabled")
        && namespace.label(REVISION).is_none_or(str::is_empty)
        && namespace.label("istio.io/dataplane-mode") == Some("ambient")
}

/// Whether sidecars are never injected in a namespace.
pub(crate) fn is_system_namespace(name: &str) -> bool {
    ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"].contains(&name)
}
