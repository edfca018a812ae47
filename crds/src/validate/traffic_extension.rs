//! What a TrafficExtension may say.

use super::report::Report;
use super::target::attachment;
use super::wasm_plugin::{Module, selectors, wasm};
use crate::decode::Path;
use crate::extensions::traffic_extension::Spec;
use crate::metadata::ObjectMeta;

/// Largest script, in bytes.
const LARGEST_SCRIPT: usize = 64 << 10;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, _: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    attachment(spec.selector.as_ref(), None, &spec.target_refs, at, out);
    selectors(&spec.matches, &at.field("match"), out);
    match (&spec.wasm, &spec.lua) {
        (None, None) => out.refuse(at, "one of wasm and lua is required"),
        (Some(_), Some(_)) => out.refuse(at, "only one of wasm and lua can be set"),
        _ => {}
    }
    if let Some(module) = &spec.wasm {
        let secret = &module.image_pull_secret;
        let parts = Module { url: &module.url, sha256: &module.sha256, name: &module.plugin_name, secret };
        wasm(&parts, module.vm_config.as_ref(), &at.field("wasm"), out);
    }
    if let Some(script) = &spec.lua {
        let at = at.field("lua");
        let at = at.field("inlineCode");
        match script.inline_code.len() {
            0 => out.refuse(&at, "is required"),
            size if size > LARGEST_SCRIPT => {
                out.refuse(&at, format_args!("{size} bytes are more than {LARGEST_SCRIPT}"));
            }
            _ => {}
        }
    }
}
