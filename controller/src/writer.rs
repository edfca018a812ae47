//! The one writer: it alone changes the store. Everyone else reads revisions.
//!
//! It applies all batches that have arrived, commits once, and repeats. Batches that arrive meanwhile are committed
//! together. So a single change is published at once, and many changes are batched without a timer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use heddle_model::issue::Issue;
use heddle_model::map::SharedMap;
use heddle_model::object::ObjectRef;
use heddle_model::snapshot::Snapshot;
use heddle_serve::push::Published;
use heddle_store::{Event, SourceId, Store};
use tokio::sync::{mpsc, watch};

use crate::source::Batch;
use crate::status::ObservedObject;

/// Batches of one commit, at most. Without a limit a source that always sends would put the commit off for ever.
const MAX_BATCHES: usize = 1024;

/// An object that a source gave.
pub(crate) type Given = (Arc<ObjectRef>, SourceId);

/// The state for the debug pages, the statuses and the webhooks, also before the sources have synced.
#[derive(Clone, Debug, Default)]
pub(crate) struct ControllerState {
    /// The newest revision.
    pub snapshot: Arc<Snapshot>,
    /// The issues of files, by path.
    pub files: Arc<BTreeMap<PathBuf, Vec<Issue>>>,
    /// The objects that make up the revision, with the source of each.
    pub objects: Arc<BTreeSet<Given>>,
    /// What the statuses of an API server's objects hold, for the objects whose status Heddle writes.
    pub statuses: SharedMap<Arc<ObjectRef>, Arc<ObservedObject>>,
}

/// The channels that the writer publishes revisions to.
pub(crate) struct Readers {
    /// The revision for the discovery streams: none until the sources have synced.
    pub published: watch::Sender<Option<Published>>,
    /// The state for everyone else.
    pub state: watch::Sender<ControllerState>,
}

/// Applies and commits until all sources have ended. It blocks, so it needs a thread of its own.
pub(crate) fn run(mut store: Store, mut batches: mpsc::Receiver<Batch>, readers: &Readers) {
    let mut state = ControllerState::default();
    while let Some(first) = batches.blocking_recv() {
        let mut since = first.since;
        apply(&mut store, &mut state, first);
        for _ in 1..MAX_BATCHES {
            let Ok(batch) = batches.try_recv() else { break };
            since = since.min(batch.since);
            apply(&mut store, &mut state, batch);
        }
        let snapshot = store.commit();
        let old = std::mem::replace(&mut state.snapshot, snapshot.clone());
        // First the state: a user who sees a change at a proxy must find its issues too.
        readers.state.send_replace(state.clone());
        publish(&old, &snapshot, since, readers);
        log_issues(&old, &snapshot);
    }
}

fn apply(store: &mut Store, state: &mut ControllerState, batch: Batch) {
    for observed in batch.observed {
        observed.note(&mut state.statuses);
    }
    for event in batch.events {
        note_object(&mut state.objects, &event);
        store.apply(event);
    }
    if !batch.issues.is_empty() {
        let files = Arc::make_mut(&mut state.files);
        for (path, issues) in batch.issues {
            if issues.is_empty() {
                files.remove(&path);
            } else {
                files.insert(path, issues);
            }
        }
    }
}

/// Keeps the list of objects. An edit of an object does not change it, and must not cost a copy.
fn note_object(objects: &mut Arc<BTreeSet<Given>>, event: &Event) {
    match event {
        Event::Apply(source, object) => {
            let given = (object.key.clone(), source.clone());
            if !objects.contains(&given) {
                Arc::make_mut(objects).insert(given);
            }
        }
        Event::Delete(source, key) => {
            Arc::make_mut(objects).remove(&(key.clone(), source.clone()));
        }
        Event::Relist(source, kind, listed) => {
            let listed: BTreeSet<Given> = listed.iter().map(|object| (object.key.clone(), source.clone())).collect();
            let gone = |given: &Given| given.0.kind == *kind && given.1 == *source && !listed.contains(given);
            if objects.iter().any(gone) || listed.iter().any(|given| !objects.contains(given)) {
                let objects = Arc::make_mut(objects);
                objects.retain(|given| !gone(given));
                objects.extend(listed);
            }
        }
        Event::Synced(..) => {}
    }
}

/// Publishes the revision to the streams if anything of it changed.
fn publish(old: &Snapshot, new: &Arc<Snapshot>, since: Instant, readers: &Readers) {
    if new.synced && !(old.synced && old.has_parts_of(new)) {
        readers.published.send_replace(Some(Published { snapshot: new.clone(), since }));
    }
}

/// Logs the issues that are new.
fn log_issues(old: &Snapshot, new: &Snapshot) {
    if Arc::ptr_eq(&old.issues, &new.issues) {
        return;
    }
    let known: BTreeSet<&Issue> = old.issues.iter().collect();
    for issue in new.issues.iter().filter(|issue| !known.contains(issue)) {
        tracing::warn!(object = %issue.object, field = issue.field, reason = issue.reason, "{}", issue.message);
    }
}
