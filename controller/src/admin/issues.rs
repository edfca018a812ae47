//! What is wrong with objects and files, from all who found something.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use heddle_model::issue::{Issue, Severity};
use serde_json::{Value, json};

use super::Pages;
use crate::issues::issues;

/// All issues, in the order of objects; those of files name the file.
pub(super) fn issuez(pages: &Pages) -> Value {
    let state = pages.state.borrow().clone();
    let mut entries: Vec<Value> = Vec::new();
    for (path, issues) in &*state.files {
        entries.extend(issues.iter().map(|issue| entry(issue, Some(path))));
    }
    entries.extend(others(pages).iter().map(|issue| entry(issue, None)));
    entries.into()
}

/// How many there are, by reason and severity.
pub(super) fn by_reason(pages: &Pages) -> BTreeMap<(&'static str, &'static str), usize> {
    let state = pages.state.borrow().clone();
    let others = others(pages);
    let mut counts = BTreeMap::new();
    for issue in state.files.values().flatten().chain(&others) {
        *counts.entry((issue.reason, severity(issue))).or_default() += 1;
    }
    counts
}

fn others(pages: &Pages) -> BTreeSet<Issue> {
    let (snapshot, bindings) = (pages.state.borrow().snapshot.clone(), pages.bindings.borrow().clone());
    issues(&snapshot, &bindings, &pages.compiled, &pages.registry)
}

fn entry(issue: &Issue, file: Option<&Path>) -> Value {
    let object = &issue.object;
    let mut entry = json!({
        "object": {"kind": object.kind.name(), "namespace": *object.namespace, "name": *object.name},
        "field": issue.field,
        "severity": severity(issue),
        "reason": issue.reason,
        "message": issue.message,
    });
    if let Some(file) = file {
        entry["file"] = file.to_string_lossy().into();
    }
    entry
}

fn severity(issue: &Issue) -> &'static str {
    match issue.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
    }
}
