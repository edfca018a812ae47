//! Sources watch objects and send events. They do not know the store.

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

/// Events that are committed in one revision or not at all.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The issues of files, by path. They replace the earlier issues of that path.
    pub issues: BTreeMap<PathBuf, Vec<Issue>>,
    /// The observed statuses of the objects.
    pub observed: Vec<ObservedStatus>,
    /// The time when the first cause of these events was noticed.
    pub since: Instant,
}

impl Batch {
    /// An empty batch.
    pub(crate) fn new(since: Instant) -> Self {
        Self { events: Vec::new(), issues: BTreeMap::new(), observed: Vec::new(), since }
    }
}
