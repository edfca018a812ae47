//! Finds, by halves, which resource of a rejected response is to blame.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

/// Responses that one search may take: enough to find half a dozen among a thousand.
const MAX_STEPS: usize = 64;

/// The groups still to be tried, and who was found.
#[derive(Debug, Default)]
pub(super) struct Search {
    groups: VecDeque<Vec<Arc<str>>>,
    steps_left: usize,
    guilty: BTreeSet<Arc<str>>,
}

impl Search {
    /// One of these is to blame, but nobody knows which.
    pub(super) fn halve(&mut self, names: &[Arc<str>], step: bool) {
        let (left, right) = names.split_at(names.len() / 2);
        self.again(left.to_vec(), step);
        self.again(right.to_vec(), true);
    }

    /// These are to be tried again; `step` says whether they are of a search that is going on.
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

    /// Something newer is to be sent, and what is searched goes with it.
    pub(super) fn interrupt(&mut self) {
        self.groups.clear();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn convict(&mut self, names: &[Arc<str>]) {
        self.guilty.extend(names.iter().cloned());
    }

    pub(super) fn acquit(&mut self, names: &[Arc<str>]) {
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
