//! The names that a client subscribes to.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

/// Sets of fewer names than this are not shared: the look-up would cost more.
const FEW: usize = 32;
/// From this number of sets on, those without a client are removed.
const MANY: usize = 64;

/// What a client subscribes to of one type.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// Whether a request of the type has come.
    pub(super) started: bool,
    /// Whether it has a wildcard subscription.
    pub(super) wildcard: bool,
    names: Arc<BTreeSet<Arc<str>>>,
    /// Whether the names have changed since they were last shared.
    changed: bool,
}

/// Sets of names, shared: a thousand proxies that see the same services subscribe to the same thousand endpoints.
#[derive(Debug, Default)]
pub(crate) struct SharedNames {
    // A mutex, because streams on all threads share their names here. It is held for a look-up.
    sets: Mutex<BTreeMap<u64, Weak<BTreeSet<Arc<str>>>>>,
}

impl Interest {
    /// Whether it subscribes to this name.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// The names that it subscribes to one by one.
    pub(super) fn names(&self) -> &BTreeSet<Arc<str>> {
        &self.names
    }

    /// It subscribes to this name.
    pub(super) fn insert(&mut self, name: Arc<str>) {
        if !self.names.contains(&name) {
            self.changed = true;
            Arc::make_mut(&mut self.names).insert(name);
        }
    }

    /// It unsubscribes from this name.
    pub(super) fn remove(&mut self, name: &str) {
        if self.names.contains(name) {
            self.changed = true;
            Arc::make_mut(&mut self.names).remove(name);
        }
    }

    /// Shares the names with the clients that subscribe to the same.
    pub(super) fn share(&mut self, shared: &SharedNames) {
        if std::mem::take(&mut self.changed) && self.names.len() >= FEW {
            shared.share(&mut self.names);
        }
    }
}

impl SharedNames {
    fn share(&self, names: &mut Arc<BTreeSet<Arc<str>>>) {
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        let mut sets = self.sets.lock();
        let slot = sets.entry(hasher.finish()).or_default();
        match slot.upgrade() {
            Some(known) if known == *names => *names = known,
            // Two sets have the same hash. The older one stays.
            Some(_) => {}
            None => *slot = Arc::downgrade(names),
        }
        if sets.len() >= MANY && sets.len().is_power_of_two() {
            sets.retain(|_, set| set.strong_count() > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(names: usize, shared: &SharedNames) -> Interest {
        let mut interest = Interest::default();
        (0..names).for_each(|name| interest.insert(format!("{name}").into()));
        interest.share(shared);
        interest
    }

    #[test]
    fn clients_with_the_same_names_share_them_until_they_differ() {
        let shared = SharedNames::default();
        let (mut one, other) = (interest(FEW, &shared), interest(FEW, &shared));
        assert!(Arc::ptr_eq(&one.names, &other.names));
        assert!(!Arc::ptr_eq(&interest(FEW - 1, &shared).names, &interest(FEW - 1, &shared).names));
        one.insert("more".into());
        one.share(&shared);
        assert!(one.wants("more") && !other.wants("more"));
        one.remove("more");
        one.share(&shared);
        assert!(Arc::ptr_eq(&one.names, &other.names));
    }

    #[test]
    fn sets_without_a_client_are_removed() {
        let shared = SharedNames::default();
        (0..10 * MANY).for_each(|more| drop(interest(FEW + more, &shared)));
        assert!(shared.sets.lock().len() < MANY);
    }
}
