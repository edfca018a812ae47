//! What a policy is attached to.

use super::label;
use super::report::{Report, quote};
use crate::decode::Path;
use crate::selector::{LabelSelector, PolicyTargetRef};

/// The kinds that a policy may be attached to, with their groups.
const KINDS: [(&str, &str); 4] = [
    ("", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

/// Most references of one policy.
const MOST: usize = 16;

/// Checks the selector and the references of a policy, and that only one way is used.
pub(super) fn attachment(
    selector: Option<&LabelSelector>,
    target: Option<&PolicyTargetRef>,
    targets: &[PolicyTargetRef],
    at: &Path<'_>,
    out: &mut Report,
) {
    let ways = [selector.is_some(), target.is_some(), !targets.is_empty()];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        out.refuse(at, "only one of selector, targetRef and targetRefs can be set");
    }
    if let Some(selector) = selector {
        label::selector(&selector.match_labels, &at.field("selector").field("matchLabels"), out);
    }
    if let Some(target) = target {
        reference(target, &at.field("targetRef"), out);
    }
    references(targets, &at.field("targetRefs"), out);
}

/// Checks a list of references.
pub(super) fn references(targets: &[PolicyTargetRef], at: &Path<'_>, out: &mut Report) {
    if targets.len() > MOST {
        out.refuse(at, format_args!("{} references are more than {MOST}", targets.len()));
    }
    for (index, target) in targets.iter().enumerate() {
        reference(target, &at.index(index), out);
    }
}

fn reference(target: &PolicyTargetRef, at: &Path<'_>, out: &mut Report) {
    if target.name.is_empty() {
        out.refuse(&at.field("name"), "is required");
    }
    if !target.namespace.is_empty() {
        out.refuse(&at.field("namespace"), "must be empty: a policy and its target share a namespace");
    }
    let group = if target.group == "core" { "" } else { target.group.as_str() };
    if !KINDS.contains(&(group, target.kind.as_str())) {
        let given = format!("{}/{}", target.group, target.kind);
        let known =
            KINDS.map(|(group, kind)| if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") });
        out.refuse(&at.field("kind"), format_args!("{} is not one of {}", quote(&given), known.join(", ")));
    }
}
