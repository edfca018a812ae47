//! What a WasmPlugin may say, and the parts that it shares with TrafficExtension.

use std::collections::BTreeSet;

use super::report::{Report, quote};
use super::target::attachment;
use super::{port, url};
use crate::decode::Path;
use crate::extensions::wasm::{EnvValueSource, TrafficSelector, VmConfig};
use crate::extensions::wasm_plugin::Spec;
use crate::metadata::ObjectMeta;

/// Longest names and values, and most variables.
const LONGEST_NAME: usize = 256;
const LONGEST_VALUE: usize = 2048;
const MOST_VARIABLES: usize = 256;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, _: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    attachment(spec.selector.as_ref(), spec.target_ref.as_ref(), &spec.target_refs, at, out);
    let module =
        Module { url: &spec.url, sha256: &spec.sha256, name: &spec.plugin_name, secret: &spec.image_pull_secret };
    wasm(&module, spec.vm_config.as_ref(), at, out);
    selectors(&spec.matches, &at.field("match"), out);
}

/// What says which module is loaded.
pub(super) struct Module<'a> {
    pub(super) url: &'a str,
    pub(super) sha256: &'a str,
    pub(super) name: &'a str,
    pub(super) secret: &'a str,
}

/// Checks a module and its virtual machine.
pub(super) fn wasm(module: &Module<'_>, vm: Option<&VmConfig>, at: &Path<'_>, out: &mut Report) {
    if module.url.is_empty() {
        out.refuse(&at.field("url"), "is required");
    } else {
        match url::scheme(module.url) {
            Ok(scheme) if ["", "oci", "http", "https", "file"].contains(&scheme.as_str()) => {}
            Ok(scheme) => {
                let reason = format_args!("the scheme {} is not one of oci, http, https and file", quote(&scheme));
                out.refuse(&at.field("url"), reason);
            }
            Err(reason) => out.refuse(&at.field("url"), reason),
        }
    }
    if !module.sha256.is_empty() {
        out.need(&at.field("sha256"), sha256(module.sha256));
    }
    for (name, text) in [("pluginName", module.name), ("imagePullSecret", module.secret)] {
        if text.len() >= LONGEST_NAME {
            out.refuse(&at.field(name), format_args!("is longer than {} letters", LONGEST_NAME - 1));
        }
    }
    if let Some(vm) = vm {
        variables(vm, &at.field("vmConfig").field("env"), out);
    }
}

/// Checks the traffic for which an extension runs.
pub(super) fn selectors(selectors: &[TrafficSelector], at: &Path<'_>, out: &mut Report) {
    for (index, selector) in selectors.iter().enumerate() {
        for (number, entry) in selector.ports.iter().enumerate() {
            let at = at.index(index);
            let at = at.field("ports");
            out.need(&at.index(number).field("number"), port::number(entry.number));
        }
    }
}

fn sha256(text: &str) -> Result<(), String> {
    if text.len() != 64 {
        return Err(format!("{} has {} letters, not 64", quote(text), text.len()));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Ok(());
    }
    Err(format!("{} is not made of the digits 0 to 9 and a to f", quote(text)))
}

fn variables(vm: &VmConfig, at: &Path<'_>, out: &mut Report) {
    if vm.env.len() > MOST_VARIABLES {
        out.refuse(at, format_args!("more than {MOST_VARIABLES} entries"));
    }
    let mut names = BTreeSet::new();
    for (index, variable) in vm.env.iter().enumerate() {
        let at = at.index(index);
        if variable.name.is_empty() || variable.name.len() > LONGEST_NAME {
            out.refuse(&at.field("name"), format_args!("is required, with at most {LONGEST_NAME} letters"));
        }
        if !names.insert(&variable.name) {
            out.refuse(&at.field("name"), format_args!("two variables are named {}", quote(&variable.name)));
        }
        if variable.value.len() > LONGEST_VALUE {
            out.refuse(&at.field("value"), format_args!("is longer than {LONGEST_VALUE} letters"));
        }
        if variable.value_from == EnvValueSource::Host && !variable.value.is_empty() {
            out.refuse(&at.field("value"), "is for values from INLINE only");
        }
    }
}
