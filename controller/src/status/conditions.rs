//! What a status has to say, from what was found wrong with the object and which proxies reject what was made of it.

use heddle_model::issue::{Issue, Severity};
use heddle_serve::registry::Rejection;

use super::messages::message;
use super::observed::{Condition, ObservedObject, Status};

/// The condition that Istio has for it: whether the object, as it stands, is in force.
const RECONCILED: &str = "Reconciled";
/// The word for what a proxy refuses.
const REJECTED: &str = "Rejected";
/// Findings that a condition's message tells; of the others it tells how many they are.
const TOLD: usize = 10;
/// Characters of one finding.
const LONG: usize = 600;

/// All that is known against one object.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// Issues, those of the gravest kind first.
    pub issues: Vec<&'a Issue>,
    /// What proxies reject.
    pub rejections: Vec<&'a Rejection>,
}

/// The status that an object is to have; none when it has it. A condition that stays as it was keeps its time.
pub(super) fn wanted(seen: &ObservedObject, found: &Found<'_>, now: &str) -> Option<Status> {
    let mut condition = condition(seen.generation, found);
    let old = seen.status.conditions.iter().find(|old| old.kind == RECONCILED);
    let since = old.filter(|old| old.status == condition.status && !old.last_transition_time.is_empty());
    condition.last_transition_time = since.map_or_else(|| now.to_owned(), |old| old.last_transition_time.clone());
    let mut messages: Vec<_> = found.issues.iter().map(|issue| message(issue)).collect();
    messages.sort();
    messages.dedup();
    messages.truncate(TOLD);
    let mut conditions = seen.status.conditions.clone();
    match conditions.iter_mut().find(|old| old.kind == RECONCILED) {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
    let status = Status { observed_generation: seen.generation, conditions, validation_messages: messages };
    (status != seen.status).then_some(status)
}

/// Whether the status says already that all is well.
pub(super) fn is_well(seen: &ObservedObject) -> bool {
    let status = &seen.status;
    let ours = status.conditions.iter().find(|condition| condition.kind == RECONCILED);
    let well = |ours: &Condition| {
        ours.status == "True" && ours.message.is_empty() && ours.observed_generation == seen.generation
    };
    ours.is_some_and(well) && status.observed_generation == seen.generation && status.validation_messages.is_empty()
}

fn condition(generation: i64, found: &Found<'_>) -> Condition {
    let error = found.issues.iter().find(|issue| issue.severity == Severity::Error).map(|issue| issue.reason);
    let (status, reason) = match (found.rejections.is_empty(), error) {
        (false, _) => ("False", REJECTED),
        (true, Some(reason)) => ("False", reason),
        (true, None) => ("True", RECONCILED),
    };
    let lines = rejected(&found.rejections).into_iter().chain(found.issues.iter().map(|issue| line(issue)));
    let lines: Vec<String> = lines.map(|line| cut(&line)).collect();
    let mut message = lines.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("\n");
    if lines.len() > TOLD {
        message = format!("{message}\nand {} more", lines.len() - TOLD);
    }
    Condition {
        kind: RECONCILED.into(),
        status: status.into(),
        reason: reason.into(),
        message,
        observed_generation: generation,
        ..Condition::default()
    }
}

fn line(issue: &Issue) -> String {
    let at = if issue.field.is_empty() { String::new() } else { format!("{}: ", issue.field) };
    format!("{at}{} ({})", issue.message, issue.reason)
}

/// One line for each thing that proxies say, with how many say it.
fn rejected(rejections: &[&Rejection]) -> Vec<String> {
    let mut said: Vec<(&str, &str)> = rejections.iter().map(|one| (one.type_url.short(), &*one.reason)).collect();
    said.sort_unstable();
    said.dedup();
    let line = |(short, reason): (&str, &str)| {
        let by = rejections.iter().filter(|one| (one.type_url.short(), &*one.reason) == (short, reason));
        let mut names: Vec<&str> = by.map(|one| one.proxy.as_str()).collect();
        names.sort_unstable();
        let others = match names.len() {
            0 | 1 => String::new(),
            more => format!(" and {} more", more - 1),
        };
        let first = names.first().copied().unwrap_or_default();
        format!(
            "the proxy {first}{others} rejects a resource of this object ({short}) \
             and keeps its last configuration: {reason}"
        )
    };
    said.into_iter().map(line).collect()
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
