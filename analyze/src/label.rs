//! Labels and what selects by them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// Labels of an object, or labels that it must have.
pub(crate) type Labels = BTreeMap<String, String>;

/// Whether an object with these labels is selected. An empty selector selects all.
pub(crate) fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}

/// A selector as text: `app=web,version=v1`.
pub(crate) fn text(selector: &Labels) -> String {
    let pairs: Vec<String> = selector.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(",")
}

/// The path of the first label of a selector at `path`, or `path` if there is none. It is where a reader looks.
pub(crate) fn first(path: &str, selector: &Labels) -> String {
    selector.keys().next().map_or_else(|| path.to_owned(), |name| format!("{path}.{name}"))
}

/// Whether a selector of Kubernetes selects an object with these labels. No selector selects all.
pub(crate) fn is_selected(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    let Some(selector) = selector else { return true };
    let all = selector.match_labels.iter().flatten().all(|(name, value)| labels.get(name) == Some(value));
    all && selector.match_expressions.iter().flatten().all(|requirement| is_met(requirement, labels))
}

fn is_met(requirement: &LabelSelectorRequirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    let is_listed = || value.is_some_and(|value| requirement.values.iter().flatten().any(|listed| listed == value));
    match requirement.operator.as_str() {
        "In" => is_listed(),
        "NotIn" => !is_listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}
