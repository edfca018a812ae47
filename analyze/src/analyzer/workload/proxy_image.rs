//! Sidecars of another image than the injector gives.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use super::injection::injector;
use crate::finding::Findings;
use crate::injection::{INJECTION, REVISION, proxy};
use crate::label;
use crate::message::PROXY_IMAGE_MISMATCH;
use crate::object::Object;
use crate::world::{World, within};

/// The annotation by which a pod has an image of its own.
const IMAGE: &str = "sidecar.istio.io/proxyImage";
/// The annotation by which a pod has a variant of the image.
const VARIANT: &str = "sidecar.istio.io/proxyImageType";
/// The variants whose names end the tag.
const VARIANTS: [&str; 2] = ["debug", "distroless"];

/// Finds pods whose sidecar has another image than their injector gives now.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let images: BTreeMap<&str, String> = world
        .config_maps
        .iter()
        .filter(|map| map.name().starts_with("istio-sidecar-injector"))
        .filter_map(|map| Some((map.name(), image(map.spec.get("values")?)?)))
        .collect();
    for namespace in &world.namespaces {
        let revision = match (namespace.label(REVISION), namespace.label(INJECTION)) {
            (Some(revision), _) => revision,
            (None, Some("enabled")) => "default",
            _ => continue,
        };
        let Some(image) = images.get(injector(revision).as_str()) else { continue };
        let pods = world.pods_in(namespace.name()).iter().filter(|pod| !pod.meta.annotations.contains_key(IMAGE));
        let other: Vec<&str> = pods.filter(|pod| has_other(world, pod, image)).map(Object::name).collect();
        if !other.is_empty() {
            findings.add(&PROXY_IMAGE_MISMATCH, namespace, "", &[&other.join(", ")]);
        }
    }
}

fn has_other(world: &World, pod: &Object<PodSpec>, image: &str) -> bool {
    let containers = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten());
    let Some(container) = proxy(containers) else { return false };
    let wanted = variant(world, pod).map_or_else(|| image.to_owned(), |variant| with_variant(image, &variant));
    container.image.as_deref() != Some(&wanted)
}

/// The image that the values of an injector name.
fn image(values: &str) -> Option<String> {
    let values: Value = serde_json::from_str(values).ok()?;
    let text = |pointer: &str| match values.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let (hub, name, tag) = (text("/global/hub"), text("/global/proxy/image"), text("/global/tag"));
    Some(if name.contains('/') { name } else { format!("{hub}/{name}:{tag}") })
}

/// The variant for a pod. Its annotation says so first, then the ProxyConfig that selects it, then those of its
/// namespace and of the root namespace, then the mesh.
fn variant(world: &World, pod: &Object<PodSpec>) -> Option<String> {
    let of_namespace = within(&world.proxy_configs, pod.namespace());
    let selected = of_namespace.iter().filter(|config| {
        let selector = config.spec.selector.as_ref().map(|selector| &selector.match_labels);
        selector.is_some_and(|selector| !selector.is_empty() && label::selects(selector, &pod.meta.labels))
    });
    let for_all = of_namespace.iter().chain(within(&world.proxy_configs, world.root_namespace()));
    let for_all = for_all.filter(|config| config.spec.selector.is_none());
    let configured =
        selected.chain(for_all).find_map(|config| config.spec.image.as_ref().map(|i| i.image_type.clone()));
    let of_mesh = || {
        let config = world.mesh.default_config.as_ref()?;
        Some(config.get("image")?.get("imageType")?.as_str()?.to_owned())
    };
    pod.meta.annotations.get(VARIANT).cloned().or(configured).or_else(of_mesh).filter(|variant| !variant.is_empty())
}

fn with_variant(image: &str, variant: &str) -> String {
    let plain = VARIANTS.iter().find_map(|known| image.strip_suffix(&format!("-{known}"))).unwrap_or(image);
    if VARIANTS.contains(&variant) { format!("{plain}-{variant}") } else { plain.to_owned() }
}
