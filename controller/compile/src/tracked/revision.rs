//! One snapshot, for those who follow it and must not read it.

use std::sync::Arc;

use heddle_model::{Text, snapshot::Snapshot};

use super::{Delta, Tracked};

/// A snapshot that only [`Tracked`] reads.
#[derive(Clone, Debug)]
pub(crate) struct Revision(Arc<Snapshot>);

impl Revision {
    pub(crate) fn new(snapshot: &Arc<Snapshot>) -> Self {
        Self(snapshot.clone())
    }

    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.0.revision
    }

    /// To be read by one compilation.
    pub(crate) fn tracked(&self) -> Tracked<'_> {
        Tracked::new(&self.0)
    }

    /// In what a newer one differs.
    pub(crate) fn delta(&self, newer: &Self) -> Delta {
        Delta::between(&self.0, &newer.0)
    }

    /// The namespace of mesh-wide objects.
    pub(super) fn root_namespace(&self) -> &Text {
        &self.0.mesh.root_namespace
    }

    /// The snapshot, for the questions.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.0
    }
}
