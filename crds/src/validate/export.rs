//! Which namespaces see an object.

use std::collections::BTreeSet;

use super::label::is_dns_label;
use super::report::{Report, quote};
use crate::decode::Path;

/// Checks the list of namespaces of an object of `namespace`.
pub(super) fn export_to(entries: &[String], namespace: &str, at: &Path<'_>, out: &mut Report) {
    let mut seen = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = at.index(index);
        if !["*", ".", "~"].contains(&entry.as_str()) && !is_dns_label(entry) {
            out.refuse(&at, format_args!("{} is neither a namespace nor one of \".\", \"*\" and \"~\"", quote(entry)));
        }
        let meant = if entry == "." { namespace } else { entry.as_str() };
        if !seen.insert(meant) {
            out.refuse(&at, format_args!("the namespace {} is named twice", quote(entry)));
        }
    }
    if seen.len() < 2 {
        return;
    }
    for all in ["*", "~"] {
        if seen.contains(all) {
            out.refuse(at, format_args!("\"{all}\" excludes other entries"));
        }
    }
}

/// Checks that a list of namespaces does not hide the object from all: it would have no effect.
pub(super) fn somebody(entries: &[String], at: &Path<'_>, out: &mut Report) {
    if entries.iter().any(|entry| entry == "~") {
        out.refuse(at, "\"~\" is for ServiceEntries only");
    }
}

/// Checks that a rule for some callers of its own namespace is not seen by others.
pub(super) fn own_namespace_only(entries: &[String], namespace: &str, at: &Path<'_>, out: &mut Report) {
    if entries.iter().any(|entry| entry != "." && entry != namespace) {
        out.refuse(at, "a rule with a workload selector is for its own namespace only");
    }
}
