//! Finds by bisection which resource of a response with a NACK the client rejects.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

/// Responses of one search, at most: enough to find a hundred resources among a thousand. A client that rejects
/// everything must not be sent responses without end.
const MAX_STEPS: usize = 1024;

/// The groups still to be tried, and the rejected resources that were found.
#[derive(Debug, Default)]
pub(super) struct Search {
    groups: VecDeque<Vec<Arc<str>>>,
    steps_left: usize,
    guilty: BTreeSet<Arc<str>>,
}

impl Search {
    /// One of these is rejected, and it is not known which.
    pub(super) fn halve(&mut self, names: &[Arc<str>], step: bool) {
        let (left, right) = names.split_at(names.len() / 2);
        self.again(left.to_vec(), step);
        self.again(right.to_vec(), true);
    }

    /// These are tried again. `step` says whether they belong to a search that has begun.
    pub(super) fn again(&mut self, names: Vec<Arc<str>>, step: bool) {
        if !step {
            self.groups.clear();
            self.steps_left = MAX_STEPS;
        }
        if !names.is_empty() {
            self.groups.push_back(names);
        }
    }

    /// The next group to try.
    pub(super) fn next_step(&mut self) -> Option<Vec<Arc<str>>> {
        self.steps_left = self.steps_left.checked_sub(1)?;
        self.groups.pop_front()
    }

    /// A newer response is sent, and the resources of the search go with it.
    pub(super) fn interrupt(&mut self) {
        self.groups.clear();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn convict(&mut self, names: &[Arc<str>]) {
        self.guilty.extend(names.iter().cloned());
    }

    pub(super) fn acquit<'a>(&mut self, names: impl IntoIterator<Item = &'a Arc<str>>) {
        for name in names {
            self.guilty.remove(name);
        }
    }

    /// Whether there is a group left to try.
    pub(super) fn is_going_on(&self) -> bool {
        self.steps_left > 0 && !self.groups.is_empty()
    }

    pub(super) fn is_guilty(&self, name: &Arc<str>) -> bool {
        self.guilty.contains(name)
    }

    pub(super) fn guilty(&self) -> impl Iterator<Item = &Arc<str>> {
        self.guilty.iter()
    }
}
