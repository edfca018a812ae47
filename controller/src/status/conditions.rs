//! The condition of an object, from its issues.

use heddle_model::issue::{Issue, Severity};
use heddle_store::NO_WORKLOADS;

use super::messages::message;
use super::observed::{Condition, ObservedObject, Status};

/// Istio's condition: whether the current object is in force.
const RECONCILED: &str = "Reconciled";
/// The reason if no proxy of what an object selects is connected.
const NO_PROXIES: &str = "NoProxies";
/// The most lines in a message. The message gives the number of further lines.
const TOLD: usize = 10;
/// The most characters of a line.
const LONG: usize = 600;

/// Whom an object reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Audience {
    /// A connected proxy. Of an object that proxies do not read: nobody needs it to be connected.
    #[default]
    Connected,
    /// Workloads without a connected proxy.
    NoProxies,
}

/// Everything that is wrong with an object.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// The issues, by severity, errors first, and of these the rejections by proxies first.
    pub issues: Vec<&'a Issue>,
    /// Whom it reaches.
    pub audience: Audience,
}

/// The new status of an object. `None` if the object has it already. An unchanged condition keeps its transition time.
pub(super) fn wanted(seen: &ObservedObject, found: &Found<'_>, now: &str) -> Option<Status> {
    let mut condition = condition(seen.generation, found);
    let since = ours(&seen.status).filter(|old| old.status == condition.status && !old.last_transition_time.is_empty());
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

/// The condition that a status has of ours.
pub(super) fn ours(status: &Status) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.kind == RECONCILED)
}

/// Whether the status says of this generation that the object is in force, whether or not proxies are connected.
pub(super) fn is_true(seen: &ObservedObject) -> bool {
    ours(&seen.status).is_some_and(|ours| ours.status == "True" && ours.observed_generation == seen.generation)
}

/// Whether the status already reports success.
pub(super) fn is_well(seen: &ObservedObject) -> bool {
    let status = &seen.status;
    let well = |ours: &Condition| {
        ours.status == "True" && ours.message.is_empty() && ours.observed_generation == seen.generation
    };
    ours(status).is_some_and(well)
        && status.observed_generation == seen.generation
        && status.validation_messages.is_empty()
}

fn condition(generation: i64, found: &Found<'_>) -> Condition {
    let error = found.issues.iter().find(|issue| issue.severity == Severity::Error).map(|issue| issue.reason);
    let is_idle = found.issues.iter().any(|issue| issue.reason == NO_WORKLOADS);
    let (status, reason) = match (error, is_idle, found.audience) {
        (Some(reason), _, _) => ("False", reason),
        (None, true, _) => ("Unknown", NO_WORKLOADS),
        (None, false, Audience::NoProxies) => ("True", NO_PROXIES),
        (None, false, Audience::Connected) => ("True", RECONCILED),
    };
    let lines = found.issues.iter().map(|issue| line(issue)).chain(found.audience.line().map(str::to_owned));
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

impl Audience {
    fn line(self) -> Option<&'static str> {
        match self {
            Self::Connected => None,
            Self::NoProxies => Some("no proxy that this object concerns is connected to this replica of heddled"),
        }
    }
}

fn line(issue: &Issue) -> String {
    let at = if issue.field.is_empty() { String::new() } else { format!("{}: ", issue.field) };
    format!("{at}{} ({})", issue.message, issue.reason)
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
