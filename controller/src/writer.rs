//! The one writer: it alone changes the store. Everyone else reads revisions.
//!
//! It takes what has arrived, commits once, and goes round again; what arrives meanwhile waits and is committed together.
//! So a lone change leaves at once, and a storm batches itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use heddle_model::diff::diff;
use heddle_model::issue::Issue;
use heddle_model::map::SharedMap;
use heddle_model::object::ObjectRef;
use heddle_model::snapshot::Snapshot;
use heddle_serve::push::Published;
use heddle_store::{Event, SourceId, Store};
use tokio::sync::{mpsc, watch};

use crate::source::Batch;
use crate::status::ObservedObject;

/// Batches that are committed together at most, so that a source that never rests cannot keep a revision from leaving.
const MAX_BATCHES: usize = 1024;

/// An object that a source gave.
pub(crate) type Given = (Arc<ObjectRef>, SourceId);

/// The state as people may look at it, also before the sources have synced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    /// The newest revision.
    pub snapshot: Arc<Snapshot>,
    /// What is wrong with files, by path.
    pub files: Arc<BTreeMap<PathBuf, Vec<Issue>>>,
    /// The objects that make up the revision, with the source of each.
    pub objects: Arc<BTreeSet<Given>>,
    /// What objects of an API server have in their statuses, where we are to write there.
    pub statuses: SharedMap<Arc<ObjectRef>, Arc<ObservedObject>>,
}

/// The ends of the channels that the writer tells of revisions.
pub(crate) struct Readers {
    /// What streams are answered from: nothing until the sources have synced.
    pub published: watch::Sender<Option<Published>>,
    /// What people look at.
    pub board: watch::Sender<Board>,
}

/// Applies and commits until all sources have ended. Blocks: it wants a thread of its own.
pub(crate) fn run(mut store: Store, mut batches: mpsc::Receiver<Batch>, readers: &Readers) {
    let mut board = Board::default();
    while let Some(first) = batches.blocking_recv() {
        let mut since = first.since;
        apply(&mut store, &mut board, first);
        for _ in 1..MAX_BATCHES {
            let Ok(batch) = batches.try_recv() else { break };
            since = since.min(batch.since);
            apply(&mut store, &mut board, batch);
        }
        let snapshot = store.commit();
        let old = std::mem::replace(&mut board.snapshot, snapshot.clone());
        // First the board: who sees a change at a proxy finds what came of it.
        readers.board.send_replace(board.clone());
        publish(&old, &snapshot, since, readers);
        tell(&old, &snapshot);
    }
}

fn apply(store: &mut Store, board: &mut Board, batch: Batch) {
    for observed in batch.observed {
        observed.note(&mut board.statuses);
    }
    for event in batch.events {
        note(&mut board.objects, &event);
        store.apply(event);
    }
    if !batch.issues.is_empty() {
        let files = Arc::make_mut(&mut board.files);
        for (path, issues) in batch.issues {
            if issues.is_empty() {
                files.remove(&path);
            } else {
                files.insert(path, issues);
            }
        }
    }
}

/// Keeps the list of objects. An edit changes nothing of it, and must not cost a copy.
fn note(objects: &mut Arc<BTreeSet<Given>>, event: &Event) {
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

/// Wakes the streams, if there is anything for them.
fn publish(old: &Snapshot, new: &Arc<Snapshot>, since: Instant, readers: &Readers) {
    if new.synced && !(old.synced && diff(old, new).is_empty()) {
        readers.published.send_replace(Some(Published { snapshot: new.clone(), since }));
    }
}

/// Logs the issues that are new.
fn tell(old: &Snapshot, new: &Snapshot) {
    if Arc::ptr_eq(&old.issues, &new.issues) {
        return;
    }
    let known: BTreeSet<&Issue> = old.issues.iter().collect();
    for issue in new.issues.iter().filter(|issue| !known.contains(issue)) {
        tracing::warn!(object = %issue.object, field = issue.field, reason = issue.reason, "{}", issue.message);
    }
}
