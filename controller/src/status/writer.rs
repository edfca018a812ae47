//! Writes. A round looks at all objects and writes the statuses that differ; between two rounds is a pause, so that a
//! storm of edits costs an object a write a round at most, and a round writes no more than an API server is glad to
//! take.
//!
//! What is written comes back by the watch. It changes nothing of the mesh, and the next round finds that it is as it
//! should be.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use heddle_model::Text;
use heddle_model::issue::Issue;
use heddle_model::object::{Kind, ObjectRef};
use heddle_model::workload::Workload;
use heddle_serve::registry::ConnectionRegistry;
use heddle_store::{Bindings, Selected};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

use super::conditions::{Audience, Found, is_true, is_well, wanted};
use super::events::{Events, Record, record};
use super::observed::{ObservedObject, Status};
use crate::cluster::reason;
use crate::generate::CountedCompiler;
use crate::issues::{REJECTED, issues};
use crate::source::kinds;
use crate::source::raw::Raw;
use crate::writer::ControllerState;

/// From what makes a round necessary until it: what comes meanwhile is part of it.
const PAUSE: Duration = Duration::from_millis(500);
/// When to look once more after a change: streams compile after it, and proxies answer.
const SETTLED: Duration = Duration::from_secs(2);
/// How long a round that failed waits for the next one.
const PATIENCE: Duration = Duration::from_secs(5);
/// Statuses that one round writes: with the pause, istiod's own limit of 80 requests a second.
const MOST: usize = 40;
/// Requests at a time.
const AT_ONCE: usize = 4;
/// How long after a start a condition that is True stays so while no proxy is connected: they connect again.
const GRACE: Duration = Duration::from_mins(1);
/// Who writes, as the API server notes it.
const WRITER: &str = "heddled-status";

/// What decides what is written where.
pub(crate) struct Writer {
    /// The connection.
    pub client: Client,
    /// The objects, and what is wrong with them.
    pub state: watch::Receiver<ControllerState>,
    /// What the objects lead to and select.
    pub bindings: watch::Receiver<Arc<Bindings>>,
    /// When the process started.
    pub started: Instant,
    /// What compilation found wrong.
    pub compiled: Arc<CountedCompiler>,
    /// What proxies reject.
    pub registry: Arc<ConnectionRegistry>,
    /// Our revision.
    pub revision: Text,
    /// The namespace of the control plane, and of the service in front of the gateways that serve Ingresses.
    pub namespace: Text,
    /// Whether we are to write to objects of our revision.
    pub leads: watch::Receiver<bool>,
    /// Whether we are to write to objects that all revisions read.
    pub speaks: watch::Receiver<bool>,
    /// The states of objects that a write was tried on: nothing comes of trying once more.
    pub tried: BTreeMap<Arc<ObjectRef>, Text>,
    /// What was recorded lately.
    pub events: Events,
}

/// How a round went.
enum Outcome {
    /// All is as it should be.
    Done,
    /// There is more to write.
    More,
    /// The API server refused.
    Failed,
}

/// One status to write.
struct Change {
    key: Arc<ObjectRef>,
    seen: Arc<ObservedObject>,
    status: Value,
    /// The event about it.
    record: Option<Record>,
}

impl Writer {
    /// Writes until the process ends.
    pub(crate) async fn run(mut self) {
        let mut rejection_changes = self.registry.rejection_changes();
        let mut connection_changes = self.registry.connection_changes();
        let mut wait = Duration::MAX;
        loop {
            let changed = tokio::select! {
                changed = self.state.changed() => if changed.is_err() { return } else { true },
                changed = rejection_changes.changed() => if changed.is_err() { return } else { true },
                changed = connection_changes.changed() => if changed.is_err() { return } else { true },
                changed = self.bindings.changed() => if changed.is_err() { return } else { true },
                changed = self.leads.changed() => if changed.is_err() { return } else { true },
                changed = self.speaks.changed() => if changed.is_err() { return } else { true },
                () = tokio::time::sleep(wait) => false,
            };
            tokio::time::sleep(PAUSE).await;
            wait = match self.round().await {
                Outcome::More => Duration::ZERO,
                Outcome::Failed => PATIENCE,
                Outcome::Done if changed => SETTLED,
                Outcome::Done => Duration::MAX,
            };
        }
    }

    async fn round(&mut self) -> Outcome {
        let state = self.state.borrow_and_update().clone();
        if !(*self.leads.borrow() || *self.speaks.borrow()) || !state.snapshot.synced {
            return Outcome::Done;
        }
        let mut changes = self.changes(&state);
        let more = changes.len() > MOST;
        changes.truncate(MOST);
        let client = &self.client;
        let write = |change: Change| async move {
            let written = write(client, &change).await;
            (change, written)
        };
        let mut failed = false;
        let mut writes = futures_util::stream::iter(changes).map(write).buffer_unordered(AT_ONCE);
        while let Some((change, written)) = writes.next().await {
            match written {
                Ok(is_written) => {
                    tracing::debug!(object = %change.key, "wrote a status");
                    if let Some(record) = change.record.filter(|_| is_written) {
                        self.events.record(client, (&change.key, &change.seen), record, &now()).await;
                    }
                    self.tried.insert(change.key, change.seen.resource_version.clone());
                }
                Err(error) => {
                    let object = &change.key;
                    tracing::warn!(%object, error = reason(&error), "cannot write a status; heddled retries");
                    failed = true;
                }
            }
        }
        match (failed, more) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::More,
            (false, false) => Outcome::Done,
        }
    }

    /// What differs: bad news first.
    fn changes(&mut self, state: &ControllerState) -> Vec<Change> {
        self.tried.retain(|key, tried| state.statuses.get(key).is_some_and(|seen| seen.resource_version == *tried));
        let bindings = self.bindings.borrow_and_update().clone();
        let issues = issues(&state.snapshot, &bindings, &self.compiled, &self.registry);
        let mut found = found(&issues);
        let (connected, is_early) = (self.registry.workloads(), self.started.elapsed() < GRACE);
        let now = now();
        let (mut bad, mut good) = (Vec::new(), Vec::new());
        for (key, seen) in state.statuses.iter().filter(|(key, seen)| self.is_ours(state, key, seen)) {
            let audience = audience(key, &bindings.selected, &connected);
            let known = found.remove(key);
            let is_kept = match audience {
                Audience::Connected => is_well(seen),
                Audience::NoProxies => is_early && is_true(seen),
            };
            if self.tried.contains_key(key) || (known.is_none() && is_kept) {
                continue;
            }
            let is_bad = known.is_some();
            let known = Found { audience, ..known.unwrap_or_default() };
            let Some(status) = wanted(seen, &known, &now) else { continue };
            let record = record(seen, &status, &known);
            let change = Change { key: key.clone(), seen: seen.clone(), status: written(&status), record };
            if is_bad { bad.push(change) } else { good.push(change) }
        }
        bad.append(&mut good);
        bad.extend(self.fronts(state));
        bad
    }

    /// The Ingresses that are served, and do not say where. All replicas of all revisions would write the same.
    fn fronts(&self, state: &ControllerState) -> Vec<Change> {
        let service = &state.snapshot.mesh.ingress.service;
        let key = Arc::new(ObjectRef::new(Kind::Service, self.namespace.clone(), service.clone()));
        let Some(front) = state.statuses.get(&key).filter(|_| *self.speaks.borrow()) else { return Vec::new() };
        let served = state.snapshot.gateways.iter().map(|gateway| &gateway.origin.object);
        let served = served.filter(|object| object.kind == Kind::Ingress && object.cluster.is_empty());
        let change = |key: &Arc<ObjectRef>| {
            let seen = state.statuses.get(key)?;
            let differs = seen.addresses != front.addresses && !self.tried.contains_key(key);
            let status = json!({"loadBalancer": {"ingress": front.addresses}});
            differs.then(|| Change { key: key.clone(), seen: seen.clone(), status, record: None })
        };
        served.filter_map(change).collect()
    }

    /// Whether an object is ours to write to: it is read here, it is in our own cluster, and no other control plane
    /// writes to it.
    fn is_ours(&self, state: &ControllerState, key: &ObjectRef, seen: &ObservedObject) -> bool {
        let none = heddle_model::labels::Labels::default();
        let labels = state.snapshot.namespaces.get(&key.namespace).unwrap_or(&none);
        let ours = if seen.revision.is_empty() {
            *self.speaks.borrow()
        } else {
            seen.revision == self.revision && *self.leads.borrow()
        };
        ours && key.cluster.is_empty()
            && key.kind.group().ends_with("istio.io")
            && state.snapshot.mesh.discovers(&key.namespace, labels)
    }
}

/// The part of a status that is ours to write; without messages there is no list of them.
fn written(status: &Status) -> Value {
    let messages = (!status.validation_messages.is_empty()).then_some(&status.validation_messages);
    json!({
        "observedGeneration": status.observed_generation,
        "conditions": status.conditions,
        "validationMessages": messages,
    })
}

/// Whom an object reaches. An object without a selector concerns every proxy. ProxyConfigs are read when a pod is made.
pub(super) fn audience(key: &Arc<ObjectRef>, selected: &Selected, connected: &BTreeSet<(Text, Text)>) -> Audience {
    let is_connected = |workload: &Arc<Workload>| {
        let origin = &workload.origin;
        connected.contains(&(origin.namespace().clone(), origin.name().clone()))
    };
    match selected.get(key) {
        // The issue `NoWorkloads` says so.
        Some(workloads) if workloads.is_empty() => Audience::Connected,
        _ if key.kind == Kind::ProxyConfig => Audience::Connected,
        // Other proxies call what a ServiceEntry selects.
        Some(workloads) if key.kind != Kind::ServiceEntry && !workloads.iter().any(is_connected) => Audience::NoProxies,
        _ if connected.is_empty() => Audience::NoProxies,
        _ => Audience::Connected,
    }
}

/// What is known against each object.
pub(super) fn found(issues: &BTreeSet<Issue>) -> BTreeMap<Arc<ObjectRef>, Found<'_>> {
    let mut found: BTreeMap<Arc<ObjectRef>, Found<'_>> = BTreeMap::new();
    for issue in issues {
        found.entry(issue.object.clone()).or_default().issues.push(issue);
    }
    for entry in found.values_mut() {
        let rank = |issue: &Issue| (Reverse(issue.severity), issue.reason != REJECTED);
        entry.issues.sort_by_key(|issue| rank(issue));
    }
    found
}

/// The time, as conditions and events hold it.
fn now() -> String {
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).ok().and_then(|now| now.format(&Rfc3339).ok());
    now.unwrap_or_default()
}

/// Writes one status over the state that was seen. Says whether it is written: if the object has changed or gone since,
/// there will be an event of the watch, and if its definition has no status, there is nothing to write to.
async fn write(client: &Client, change: &Change) -> Result<bool, kube::Error> {
    let resource = kinds::resource(change.key.kind, &change.seen.version);
    let api: Api<Raw> = Api::namespaced_with(client.clone(), &change.key.namespace, &resource);
    let patch = json!({
        "metadata": {"resourceVersion": &*change.seen.resource_version}, "status": change.status,
    });
    let parameters = PatchParams { field_manager: Some(WRITER.into()), ..PatchParams::default() };
    match api.patch_status(&change.key.name, &parameters, &Patch::Merge(patch)).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => Ok(false),
        other => other.map(|_| true),
    }
}
