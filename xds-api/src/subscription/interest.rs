//! Which names a client wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// Sets of fewer names than this are not worth looking for.
const FEW: usize = 32;
/// Sets beyond which those that no client wants any more are looked for.
const MANY: usize = 64;

/// What a client has asked for of one type.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// Whether a request of the type has come.
    pub(super) started: bool,
    /// Whether it wants all there are.
    pub(super) wildcard: bool,
    names: Arc<BTreeSet<Arc<str>>>,
    /// Whether the names have changed since they were last shared.
    changed: bool,
}

/// Sets of names that clients have asked for: a thousand proxies that see the same ask for the same thousand endpoints.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    // A mutex, because streams on all threads come with their names; it is held for a look-up.
    sets: Mutex<BTreeMap<u64, Weak<BTreeSet<Arc<str>>>>>,
}

impl Interest {
    /// Whether it is to hold this one.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// What it asked for by name.
    pub(super) fn names(&self) -> &BTreeSet<Arc<str>> {
        &self.names
    }

    /// It asks for this one too.
    pub(super) fn insert(&mut self, name: Arc<str>) {
        if !self.names.contains(&name) {
            self.changed = true;
            Arc::make_mut(&mut self.names).insert(name);
        }
    }

    /// It no longer asks for this one.
    pub(super) fn remove(&mut self, name: &str) {
        if self.names.contains(name) {
            self.changed = true;
            Arc::make_mut(&mut self.names).remove(name);
        }
    }

    /// Shares the names with who asked for the same.
    pub(super) fn share(&mut self, asked: &Asked) {
        if std::mem::take(&mut self.changed) && self.names.len() >= FEW {
            asked.share(&mut self.names);
        }
    }
}

impl Asked {
    fn share(&self, names: &mut Arc<BTreeSet<Arc<str>>>) {
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = sets.entry(hasher.finish()).or_default();
        match slot.upgrade() {
            Some(known) if known == *names => *names = known,
            // Two sets with one hash: the older one stays.
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

    fn interest(names: usize, asked: &Asked) -> Interest {
        let mut interest = Interest::default();
        (0..names).for_each(|name| interest.insert(format!("{name}").into()));
        interest.share(asked);
        interest
    }

    #[test]
    fn who_asks_for_the_same_shares_it_until_it_asks_for_something_else() {
        let asked = Asked::default();
        let (mut one, other) = (interest(FEW, &asked), interest(FEW, &asked));
        assert!(Arc::ptr_eq(&one.names, &other.names));
        assert!(!Arc::ptr_eq(&interest(FEW - 1, &asked).names, &interest(FEW - 1, &asked).names));
        one.insert("more".into());
        one.share(&asked);
        assert!(one.wants("more") && !other.wants("more"));
        one.remove("more");
        one.share(&asked);
        assert!(Arc::ptr_eq(&one.names, &other.names));
    }

    #[test]
    fn sets_that_nobody_asks_for_are_forgotten() {
        let asked = Asked::default();
        (0..10 * MANY).for_each(|more| drop(interest(FEW + more, &asked)));
        assert!(asked.sets.lock().unwrap().len() < MANY);
    }
}
