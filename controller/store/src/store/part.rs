//! What parts of a snapshot share.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::issue::Issue;

/// The old pointer when the new value is equal to it.
pub(super) fn share<T: PartialEq>(old: &Arc<T>, new: T) -> Arc<T> {
    if **old == new { old.clone() } else { Arc::new(new) }
}

/// Issues of a part by what they are about, and whether they changed since they were last looked at.
#[derive(Clone, Debug)]
pub(super) struct Issues<K> {
    found: BTreeMap<K, Vec<Issue>>,
    changed: bool,
}

impl<K> Default for Issues<K> {
    fn default() -> Self {
        Self { found: BTreeMap::new(), changed: false }
    }
}

impl<K: Ord> Issues<K> {
    /// Replaces those about one thing.
    pub(super) fn set(&mut self, key: K, issues: Vec<Issue>) {
        let same = self.found.get(&key).map_or(issues.is_empty(), |old| *old == issues);
        if same {
            return;
        }
        self.changed = true;
        if issues.is_empty() {
            self.found.remove(&key);
        } else {
            self.found.insert(key, issues);
        }
    }

    /// Whether they changed since the last call.
    pub(super) fn take(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What some are about.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.found.keys()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Issue> {
        self.found.values().flatten()
    }
}
