//! Names and labels as Kubernetes and DNS spell them.

use std::collections::BTreeMap;

use super::report::{Report, quote};
use crate::decode::Path;

/// Whether `text` is a DNS label: letters, digits and inner hyphens, at most 63.
pub(super) fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_bounded(text, |byte| byte == b'-')
}

/// Checks the labels that an endpoint or a caller carries.
pub(super) fn labels(labels: &BTreeMap<String, String>, at: &Path<'_>, out: &mut Report) {
    for (key, value) in labels {
        if !is_label_key(key) {
            out.refuse(&at.field(key), format_args!("{} is not a label's name", quote(key)));
        }
        if !is_label_value(value) {
            out.refuse(&at.field(key), format_args!("{} is not a label's value", quote(value)));
        }
    }
}

/// Checks the labels by which workloads are selected; `others` is what an empty selector selects.
pub(super) fn selector(labels: &BTreeMap<String, String>, at: &Path<'_>, out: &mut Report) {
    if labels.is_empty() {
        out.warn(at, "a selector without labels selects every workload of the namespace");
    }
    for (key, value) in labels {
        if key.is_empty() {
            out.refuse(&at.field(key), format_args!("a label's name is empty, with the value {}", quote(value)));
        }
        if key.contains('*') || value.contains('*') {
            out.refuse(&at.field(key), "a selector takes no wildcards");
        }
        if key.len() > 63 + 253 + 1 || value.len() > 63 {
            out.refuse(&at.field(key), "a label's name has at most 317 letters, its value at most 63");
        }
    }
}

/// Checks the annotations of a template.
pub(super) fn annotations(annotations: &BTreeMap<String, String>, at: &Path<'_>, out: &mut Report) {
    for key in annotations.keys() {
        if !is_label_key(key) {
            out.refuse(&at.field(key), format_args!("{} is not an annotation's name", quote(key)));
        }
    }
}

/// Checks a name that must be a DNS label.
pub(super) fn dns_label(text: &str, what: &str) -> Result<(), String> {
    if is_dns_label(text) { Ok(()) } else { Err(format!("{} is not a {what}", quote(text))) }
}

fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_prefix = |prefix: &str| prefix.len() <= 253 && prefix.split('.').all(is_dns_label);
    prefix.is_none_or(is_prefix) && name.len() <= 63 && is_bounded(name, |byte| b"-_.".contains(&byte))
}

fn is_label_value(value: &str) -> bool {
    value.is_empty() || value.len() <= 63 && is_bounded(value, |byte| b"-_.".contains(&byte))
}

/// Letters and digits, and between them also what `inner` allows.
fn is_bounded(text: &str, inner: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || inner(*byte))
}
