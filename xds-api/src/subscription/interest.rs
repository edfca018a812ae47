//! Which names a client wants.

use std::{collections::BTreeSet, sync::Arc};

/// What a client has asked for of one type.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// Whether a request of the type has come.
    pub(super) started: bool,
    /// Whether it wants all there are.
    pub(super) wildcard: bool,
    /// What it asked for by name.
    pub(super) names: BTreeSet<Arc<str>>,
}

impl Interest {
    /// Whether it is to hold this one.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }
}
