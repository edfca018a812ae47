//! Finds by bisection which resource of a response with a NACK the client rejects.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// The groups still to be tried, and the rejected resources that were found. A search ends by itself, even if the
/// client rejects everything: each group is half of one before, and a resource that was found is in no group.
#[derive(Debug, Default)]
pub(super) struct Search {
    groups: VecDeque<Vec<Arc<str>>>,
    /// Each with whether the client has acknowledged another resource in its place since.
    guilty: BTreeMap<Arc<str>, bool>,
}

impl Search {
    /// One of these is rejected, and it is not known which.
    pub(super) fn halve(&mut self, names: &[Arc<str>]) {
        let (left, right) = names.split_at(names.len() / 2);
        self.again(left.to_vec());
        self.again(right.to_vec());
    }

    /// These are tried again.
    pub(super) fn again(&mut self, names: Vec<Arc<str>>) {
        if !names.is_empty() {
            self.groups.push_back(names);
        }
    }

    /// The next group to try.
    pub(super) fn next_step(&mut self) -> Option<Vec<Arc<str>>> {
        self.groups.pop_front()
    }

    /// A newer response is sent, and the resources of the search go with it.
    pub(super) fn interrupt(&mut self) {
        self.groups.clear();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn convict(&mut self, names: impl IntoIterator<Item = Arc<str>>) {
        self.guilty.extend(names.into_iter().map(|name| (name, false)));
    }

    /// The client has acknowledged another resource in place of a rejected one.
    pub(super) fn note_substitute(&mut self, name: &Arc<str>) {
        if let Some(substitute) = self.guilty.get_mut(name) {
            *substitute = true;
        }
    }

    /// Whether the client has acknowledged what it holds in place of a rejected resource.
    pub(super) fn has_substitute(&self, name: &Arc<str>) -> bool {
        self.guilty.get(name).is_some_and(|substitute| *substitute)
    }

    /// Returns whether any of these was guilty.
    pub(super) fn acquit<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let before = self.guilty.len();
        for name in names {
            self.guilty.remove(name);
        }
        self.guilty.len() < before
    }

    /// Whether there is a group left to try.
    pub(super) fn is_going_on(&self) -> bool {
        !self.groups.is_empty()
    }

    pub(super) fn is_guilty(&self, name: &Arc<str>) -> bool {
        self.guilty.contains_key(name)
    }

    pub(super) fn guilty(&self) -> impl Iterator<Item = &Arc<str>> {
        self.guilty.keys()
    }
}
