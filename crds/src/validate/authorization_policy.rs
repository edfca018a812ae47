//! What an AuthorizationPolicy may say.

mod condition;
mod path;
mod source;

use super::NOT_SUPPORTED;
use super::report::{Report, quote};
use super::target::attachment;
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::security::authorization_policy::{Action, Rule, Spec};

/// The annotation that turns a policy into a trial.
pub const DRY_RUN: &str = "istio.io/dry-run";
/// Most rules, and most of anything within a rule.
const MOST_RULES: usize = 512;
const MOST_ENTRIES: usize = 512;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, meta: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    attachment(spec.selector.as_ref(), spec.target_ref.as_ref(), &spec.target_refs, at, out);
    unsupported(spec, at, out);
    provider(spec, at, out);
    trial(spec, meta, out);
    if spec.rules.is_empty() && matches!(spec.action, Action::Deny | Action::Custom) {
        let reason = "without a rule the action is never taken; an empty rule {} takes it for every request";
        out.refuse(&at.field("rules"), reason);
    }
    if spec.rules.len() > MOST_RULES {
        out.refuse(&at.field("rules"), format_args!("more than {MOST_RULES} entries"));
    }
    for (index, entry) in spec.rules.iter().enumerate() {
        rule(entry, spec.action, &at.field("rules").index(index), out);
    }
    warn_of_tcp(spec, at, out);
}

/// What is not built yet. Ingest says the same.
fn unsupported(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    for (name, is_given) in [("targetRef", spec.target_ref.is_some()), ("targetRefs", !spec.target_refs.is_empty())] {
        if is_given {
            out.warn(&at.field(name), NOT_SUPPORTED);
        }
    }
    if spec.action == Action::Custom {
        let reason = "CUSTOM is not supported yet; requests that a rule matches are refused";
        out.warn(&at.field("action"), reason);
    }
}

fn provider(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    if spec.action != Action::Custom {
        if spec.provider.is_some() {
            out.refuse(&at.field("provider"), "is for the action CUSTOM only");
        }
        return;
    }
    if spec.provider.as_ref().is_none_or(|provider| provider.name.is_empty()) {
        out.refuse(&at.field("provider").field("name"), "is required for the action CUSTOM");
    }
}

/// Whether the value of an annotation is true, in each spelling that Go reads.
#[must_use]
pub fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn trial(spec: &Spec, meta: &ObjectMeta, out: &mut Report) {
    let Some(value) = meta.annotations.get(DRY_RUN) else { return };
    let at = Path::Root("metadata.annotations");
    let at = at.field(DRY_RUN);
    match value.as_str() {
        value if is_true(value) => {
            if !matches!(spec.action, Action::Allow | Action::Deny) {
                out.refuse(&at, "is for the actions ALLOW and DENY only");
            }
        }
        "0" | "f" | "F" | "false" | "FALSE" | "False" => {}
        _ => out.refuse(&at, format_args!("{} is neither true nor false", quote(value))),
    }
}

fn rule(rule: &Rule, action: Action, at: &Path<'_>, out: &mut Report) {
    for (name, count) in [("from", rule.from.len()), ("to", rule.to.len()), ("when", rule.when.len())] {
        if count > MOST_ENTRIES {
            out.refuse(&at.field(name), format_args!("more than {MOST_ENTRIES} entries"));
        }
    }
    for (index, from) in rule.from.iter().enumerate() {
        let at = at.field("from");
        let at = at.index(index);
        match &from.source {
            None => out.refuse(&at.field("source"), "is required"),
            Some(conditions) => source::source(conditions, action, &at.field("source"), out),
        }
    }
    for (index, to) in rule.to.iter().enumerate() {
        let at = at.field("to");
        let at = at.index(index);
        match &to.operation {
            None => out.refuse(&at.field("operation"), "is required"),
            Some(conditions) => source::operation(conditions, &at.field("operation"), out),
        }
    }
    for (index, entry) in rule.when.iter().enumerate() {
        condition::check(entry, action, &at.field("when").index(index), out);
    }
}

/// On a TCP port, conditions of HTTP are left out of a DENY rule; with nothing left it denies everything.
fn warn_of_tcp(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    if spec.action != Action::Deny {
        return;
    }
    for (index, rule) in spec.rules.iter().enumerate() {
        let (http, other) = condition::kinds(rule);
        if http && !other {
            let reason = "denies all connections to TCP ports, as only conditions of HTTP are given; name the ports";
            out.warn(&at.field("rules").index(index), reason);
        }
    }
}
