//! The image of the proxy and of what redirects its traffic: one image, Heddle's, unless the settings name another.

use heddle_crds::mesh::image::{HUB, PROXY, TAG};
use serde_json::Value;

use crate::annotation as names;
use crate::plan::Plan;

/// The proxy's image.
pub(crate) fn proxy(plan: &Plan<'_>) -> String {
    image(plan, plan.choice(names::IMAGE, "/global/proxy/image", PROXY), "/global/proxy/image")
}

/// The image of the init container.
pub(crate) fn init(plan: &Plan<'_>) -> String {
    let proxy = plan.settings.text("/global/proxy/image", PROXY);
    image(plan, plan.settings.text("/global/proxy_init/image", &proxy), "/global/proxy_init/image")
}

/// A name with a slash is a whole reference; any other is a name in the values' hub, with their tag.
fn image(plan: &Plan<'_>, named: String, pointer: &str) -> String {
    if named.contains('/') {
        return named;
    }
    let settings = plan.settings;
    let name = settings.text(pointer, &settings.text("/global/proxy/image", PROXY));
    let hub = settings.text("/global/hub", HUB);
    let tag = settings.text("/global/tag", TAG);
    let configured = plan.config.get("image").and_then(|image| image.get("imageType")).and_then(Value::as_str);
    let variant = plan.annotation(names::IMAGE_TYPE).or(configured);
    let variant = variant.map_or_else(|| settings.text("/global/variant", ""), str::to_owned);
    if name.contains('/') {
        return name;
    }
    match variant.as_str() {
        "" | "default" => format!("{hub}/{name}:{tag}"),
        // Heddle's image has one build, so no variants.
        _ if name == PROXY => format!("{hub}/{name}:{tag}"),
        variant => format!("{hub}/{name}:{}-{variant}", tag.trim_end_matches(&format!("-{variant}"))),
    }
}
