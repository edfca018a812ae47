//! Events about changes of conditions. `kubectl describe` shows them below the object.
//!
//! An event of one object and reason is one object of the API server, with a count. A condition that comes and goes
//! does not make more of them, and writes it at most once per [`PAUSE`].

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_model::object::ObjectRef;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::conditions::{Found, ours};
use super::observed::{Condition, ObservedObject, Status};
use crate::cluster::reason;
use crate::issues::REJECTED;

/// The least time between two writes of one event.
const PAUSE: Duration = Duration::from_secs(10);
/// How long the count of an event is kept after its last write. The API server keeps the event for an hour.
const KEPT: Duration = Duration::from_mins(10);
/// The most events whose counts are kept.
const MOST: usize = 4096;
/// The most bytes of a text: a little less than what the API server takes.
const LONG: usize = 1000;
/// Who records.
const REPORTER: &str = "heddled";

/// What is recorded about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Whether something is wrong.
    pub is_warning: bool,
    /// The reason of the condition.
    pub reason: String,
    /// The message of the condition.
    pub text: String,
}

/// The events that were recorded lately.
#[derive(Debug, Default)]
pub(crate) struct Events {
    known: BTreeMap<(Arc<ObjectRef>, String), Series>,
}

/// How often one event occurred.
#[derive(Debug)]
struct Series {
    count: u32,
    first: String,
    written: Instant,
}

/// What is to be recorded when a status is written: that the condition came to be not True, or True again, or that a
/// proxy rejects something. A user's edit that leaves the condition False is recorded too.
pub(super) fn record(seen: &ObservedObject, status: &Status, found: &Found<'_>) -> Option<Record> {
    let (old, new) = (ours(&seen.status), ours(status)?);
    let is_rejected = found.issues.iter().any(|issue| issue.reason == REJECTED);
    let is_other = |old: &Condition| {
        (&old.status, &old.reason, old.observed_generation) != (&new.status, &new.reason, new.observed_generation)
    };
    let is_told = |old: &Condition| old.message == new.message;
    let made = |is_warning, reason: &str| Record { is_warning, reason: reason.to_owned(), text: new.message.clone() };
    match new.status.as_str() {
        "True" if is_rejected => (!old.is_some_and(is_told)).then(|| made(true, REJECTED)),
        "True" => old
            .filter(|old| old.status != "True")
            .map(|_| Record { text: "the object is in force".to_owned(), ..made(false, &new.reason) }),
        status => old.is_none_or(is_other).then(|| made(status == "False", &new.reason)),
    }
}

impl Events {
    /// Records what happened to an object at a time, in the form of RFC 3339. A failure is only logged: the condition
    /// says the same.
    pub(super) async fn record(
        &mut self,
        client: &Client,
        (object, seen): (&Arc<ObjectRef>, &ObservedObject),
        record: Record,
        now: &str,
    ) {
        let Some(event) = self.event((object, seen), record, (now, Instant::now())) else { return };
        let name = event["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let api: Api<Event> = Api::namespaced(client.clone(), &object.namespace);
        let parameters = PatchParams::apply(REPORTER).force();
        if let Err(error) = api.patch(&name, &parameters, &Patch::Apply(event)).await {
            tracing::debug!(%object, error = reason(&error), "cannot record an event");
        }
    }

    /// The event to write. `None` if it was written a moment ago: then it is only counted.
    fn event(
        &mut self,
        (object, seen): (&Arc<ObjectRef>, &ObservedObject),
        record: Record,
        (now, instant): (&str, Instant),
    ) -> Option<Value> {
        self.known.retain(|_, series| instant.duration_since(series.written) < KEPT);
        let key = (object.clone(), record.reason.clone());
        let is_known = self.known.contains_key(&key);
        if !is_known && self.known.len() >= MOST {
            return None;
        }
        let series =
            self.known.entry(key).or_insert_with(|| Series { count: 0, first: now.to_owned(), written: instant });
        series.count = series.count.saturating_add(1);
        if is_known && instant.duration_since(series.written) < PAUSE {
            return None;
        }
        series.written = instant;
        let version = format!("{}/{}", object.kind.group(), seen.version);
        Some(json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name(object, seen, &record.reason), "namespace": *object.namespace},
            "involvedObject": {
                "apiVersion": version, "kind": object.kind.name(), "namespace": *object.namespace,
                "name": *object.name, "uid": *seen.uid,
            },
            "type": if record.is_warning { "Warning" } else { "Normal" },
            "reason": record.reason,
            "message": shortened(record.text),
            "source": {"component": REPORTER},
            "reportingComponent": REPORTER,
            "count": series.count,
            "firstTimestamp": series.first,
            "lastTimestamp": now,
        }))
    }
}

/// The name of the event of one object and reason.
fn name(object: &ObjectRef, seen: &ObservedObject, reason: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (object.kind, &seen.uid, reason).hash(&mut hasher);
    // A name has 253 characters at most.
    let name: String = object.name.chars().take(230).collect();
    format!("{}.{:016x}", name.trim_end_matches(['.', '-']), hasher.finish())
}

fn shortened(text: String) -> String {
    if text.len() <= LONG { text } else { format!("{}…", &text[..text.floor_char_boundary(LONG)]) }
}

#[cfg(test)]
mod tests {
    use heddle_model::issue::Issue;
    use heddle_model::object::Kind;

    use super::*;

    fn status(status: &str, reason: &str, message: &str, generation: i64) -> Status {
        let condition = Condition {
            kind: "Reconciled".into(),
            status: status.into(),
            reason: reason.into(),
            message: message.into(),
            observed_generation: generation,
            ..Condition::default()
        };
        Status { conditions: vec![condition], ..Status::default() }
    }

    fn recorded(old: Option<Status>, new: &Status) -> Option<(bool, String)> {
        let seen = ObservedObject { status: old.unwrap_or_default(), ..ObservedObject::default() };
        let object = Arc::new(ObjectRef::new(Kind::Gateway, "shop", "a"));
        let rejected = Issue::warning(&object, "", REJECTED, "1 of 3 proxies rejects it");
        let is_rejected = ours(new).is_some_and(|new| new.message.contains("rejects"));
        let found = Found { issues: is_rejected.then_some(&rejected).into_iter().collect(), ..Found::default() };
        record(&seen, new, &found).map(|record| (record.is_warning, record.reason))
    }

    #[test]
    fn what_changes_is_recorded() {
        let (good, bad) = (status("True", "Reconciled", "", 1), status("False", "BadHost", "it is bad (BadHost)", 1));
        assert_eq!(recorded(None, &good), None, "that an object works is no event");
        assert_eq!(recorded(None, &bad), Some((true, "BadHost".into())));
        assert_eq!(recorded(Some(bad.clone()), &bad), None);
        assert_eq!(recorded(Some(bad.clone()), &status("False", "BadHost", "", 2)), Some((true, "BadHost".into())));
        assert_eq!(recorded(Some(bad), &good), Some((false, "Reconciled".into())));
        let idle = status("Unknown", "NoWorkloads", "", 1);
        assert_eq!(recorded(Some(good.clone()), &idle), Some((false, "NoWorkloads".into())));
        let one = status("True", "Reconciled", "1 of 3 proxies rejects it (Rejected)", 1);
        assert_eq!(recorded(Some(good), &one), Some((true, "Rejected".into())));
        assert_eq!(recorded(Some(one.clone()), &one), None);
    }

    #[test]
    fn a_condition_that_comes_and_goes_writes_few_events() {
        let mut events = Events::default();
        let object = Arc::new(ObjectRef::new(Kind::Gateway, "shop", "a".repeat(300)));
        let (seen, start) =
            (ObservedObject { uid: "7".into(), version: "v1".into(), ..Default::default() }, Instant::now());
        let mut written = Vec::new();
        for tick in 0..60_u64 {
            let record = Record { is_warning: true, reason: "MissingSecret".into(), text: "ä".repeat(2000) };
            let at = start + Duration::from_millis(500 * tick);
            written.extend(events.event((&object, &seen), record, ("now", at)));
        }
        assert_eq!(written.iter().map(|event| event["count"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 21, 41]);
        let event = &written[2];
        assert_eq!(written[0]["metadata"]["name"], event["metadata"]["name"], "one object for all");
        assert!(event["metadata"]["name"].as_str().unwrap().len() <= 253 && event["message"].to_string().len() < 1024);
        assert_eq!(event["involvedObject"]["apiVersion"], "networking.istio.io/v1");
        assert_eq!((&event["type"], &event["involvedObject"]["uid"]), (&json!("Warning"), &json!("7")));
    }

    #[test]
    fn counts_are_bounded() {
        let mut events = Events::default();
        let (seen, start) = (ObservedObject::default(), Instant::now());
        for number in 0..MOST + 10 {
            let object = Arc::new(ObjectRef::new(Kind::Gateway, "shop", number.to_string()));
            let record = Record { is_warning: false, reason: "Reconciled".into(), text: String::new() };
            events.event((&object, &seen), record, ("now", start));
        }
        assert_eq!(events.known.len(), MOST);
        let record = Record { is_warning: false, reason: "Reconciled".into(), text: String::new() };
        let object = Arc::new(ObjectRef::new(Kind::Gateway, "shop", "later"));
        assert!(events.event((&object, &seen), record, ("now", start + KEPT)).is_some());
        assert_eq!(events.known.len(), 1);
    }
}
