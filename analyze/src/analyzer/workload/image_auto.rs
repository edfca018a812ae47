//! The image `auto`, which injection replaces.

use k8s_openapi::api::core::v1::PodSpec;

use crate::finding::Findings;
use crate::injection::proxy;
use crate::kubernetes::Webhook;
use crate::label::{Labels, is_selected};
use crate::message::{IMAGE_AUTO_ERROR, IMAGE_AUTO_WARNING};
use crate::world::World;

/// Finds pods that were not injected, and deployments whose pods will not be.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for pod in world.pods.iter().filter(|pod| has_image_auto(&pod.spec)) {
        findings.add(&IMAGE_AUTO_ERROR, pod, "spec.containers", &[&"Pod", &pod.name()]);
    }
    let webhooks = world.mutating_webhooks.iter().flat_map(|configuration| &configuration.spec);
    let injectors: Vec<&Webhook> = webhooks.filter(|webhook| webhook.name.ends_with("istio.io")).collect();
    for deployment in &world.deployments {
        if !deployment.spec.template.spec.as_ref().is_some_and(has_image_auto) {
            continue;
        }
        let none = Labels::new();
        let of_namespace = world.namespace(deployment.namespace()).map_or(&none, |one| &one.meta.labels);
        let meta = deployment.spec.template.metadata.as_ref();
        let of_pods = meta.and_then(|meta| meta.labels.as_ref()).unwrap_or(&none);
        let selects = |webhook: &&Webhook| {
            is_selected(webhook.namespaces.as_ref(), of_namespace) && is_selected(webhook.objects.as_ref(), of_pods)
        };
        if !injectors.iter().any(selects) {
            let arguments: [&dyn std::fmt::Display; 2] = [&"Deployment", &deployment.name()];
            findings.add(&IMAGE_AUTO_WARNING, deployment, "spec.template.spec.containers", &arguments);
        }
    }
}

fn has_image_auto(pod: &PodSpec) -> bool {
    proxy(pod.containers.iter()).is_some_and(|container| container.image.as_deref() == Some("auto"))
}
