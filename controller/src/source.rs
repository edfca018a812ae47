//! Sources watch the outside world and make events of it. They know nothing of what becomes of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use heddle_model::issue::Issue;
use heddle_store::Event;

use crate::status::ObservedStatus;

mod definitions;
pub(crate) mod file;
pub(crate) mod kinds;
pub(crate) mod kube;
mod ledger;
pub(crate) mod pod_index;
pub(crate) mod raw;
mod scan;
mod watch;

/// Events that belong together: they are committed in one revision or not at all.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The events, in order.
    pub events: Vec<Event>,
    /// What is wrong with files, by path: in place of all that was said of the path before.
    pub issues: BTreeMap<PathBuf, Vec<Issue>>,
    /// What the events say of objects' statuses.
    pub observed: Vec<ObservedStatus>,
    /// When the first of what led to these events was noticed.
    pub since: Instant,
}

impl Batch {
    /// A batch without events as yet.
    pub(crate) fn new(since: Instant) -> Self {
        Self { events: Vec::new(), issues: BTreeMap::new(), observed: Vec::new(), since }
    }
}
