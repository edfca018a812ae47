//! The condition of an object, from its issues and from the rejections by proxies.

use heddle_model::issue::{Issue, Severity};
use heddle_serve::registry::Rejection;

use super::messages::message;
use super::observed::{Condition, ObservedObject, Status};

/// Istio's condition: whether the current object is in force.
const RECONCILED: &str = "Reconciled";
/// The reason if an object selects nothing.
const NO_WORKLOADS: &str = "NoWorkloads";
/// The reason if no proxy of what an object selects is connected.
const NO_PROXIES: &str = "NoProxies";
/// The reason for a rejection by a proxy.
const REJECTED: &str = "Rejected";
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
    /// No workload that exists.
    NoWorkloads,
}

/// Everything that is wrong with an object.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// The issues, by severity, errors first.
    pub issues: Vec<&'a Issue>,
    /// The rejections by proxies.
    pub rejections: Vec<&'a Rejection>,
    /// Whom it reaches.
    pub audience: Audience,
}

/// The new status of an object. `None` if the object has it already. An unchanged condition keeps its transition time.
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

/// Whether the status says of this generation that the object is in force, whether or not proxies are connected.
pub(super) fn is_true(seen: &ObservedObject) -> bool {
    let ours = seen.status.conditions.iter().find(|condition| condition.kind == RECONCILED);
    ours.is_some_and(|ours| ours.status == "True" && ours.observed_generation == seen.generation)
}

/// Whether the status already reports success.
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
    let (status, reason) = match (found.rejections.is_empty(), error, found.audience) {
        (false, _, _) => ("False", REJECTED),
        (true, Some(reason), _) => ("False", reason),
        (true, None, Audience::NoWorkloads) => ("Unknown", NO_WORKLOADS),
        (true, None, Audience::NoProxies) => ("True", NO_PROXIES),
        (true, None, Audience::Connected) => ("True", RECONCILED),
    };
    let lines = rejected(&found.rejections).into_iter().chain(found.issues.iter().map(|issue| line(issue)));
    let lines = lines.chain(found.audience.line().map(str::to_owned));
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
            Self::NoWorkloads => Some("the object selects no workload that exists"),
        }
    }
}

fn line(issue: &Issue) -> String {
    let at = if issue.field.is_empty() { String::new() } else { format!("{}: ", issue.field) };
    format!("{at}{} ({})", issue.message, issue.reason)
}

/// One line for each reason of rejection, with the number of proxies.
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
