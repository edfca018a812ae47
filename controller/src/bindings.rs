//! Follows the references and selectors of each new snapshot. It has a task of its own, because no push waits for it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_model::issue::Issue;
use heddle_model::snapshot::Snapshot;
use heddle_store::Bindings;
use tokio::sync::watch;

use crate::writer::ControllerState;

/// The least time between two runs. Changes meanwhile share one run.
const PAUSE: Duration = Duration::from_millis(200);
/// A run of a large mesh is followed by a pause of so many times its own time.
const SHARE: u32 = 10;

/// Publishes the bindings of the newest snapshot, and logs the issues that are new.
pub(crate) async fn follow(mut state: watch::Receiver<ControllerState>, found: watch::Sender<Arc<Bindings>>) {
    let mut last: Arc<Snapshot> = Arc::default();
    let mut pause = PAUSE;
    while state.changed().await.is_ok() {
        tokio::time::sleep(pause).await;
        let snapshot = state.borrow_and_update().snapshot.clone();
        if !snapshot.synced || is_same(&last, &snapshot) {
            continue;
        }
        last = snapshot.clone();
        let begin = Instant::now();
        let Ok(bindings) = tokio::task::spawn_blocking(move || Bindings::of(&snapshot)).await else { return };
        pause = PAUSE.max(begin.elapsed() * SHARE);
        let old = found.send_replace(Arc::new(bindings));
        log_new(&old, &found.borrow());
    }
}

fn is_same(old: &Snapshot, new: &Snapshot) -> bool {
    old.synced && old.has_parts_of(new) && Arc::ptr_eq(&old.proxy_settings, &new.proxy_settings)
}

fn log_new(old: &Bindings, new: &Bindings) {
    let known: BTreeSet<&Issue> = old.issues.iter().collect();
    for issue in new.issues.iter().filter(|issue| !known.contains(issue)) {
        tracing::warn!(object = %issue.object, field = issue.field, reason = issue.reason, "{}", issue.message);
    }
}
