//! The names that a client subscribes to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

/// Sets of fewer names than this are not shared: the look-up would cost more.
const FEW: usize = 32;
/// From this number of sets on, those without a client are removed.
const MANY: usize = 64;
/// Edits that are remembered. The clients of one revision make few different ones, nearly at the same time.
const EDITS: usize = 16;

type NameSet = BTreeSet<Arc<str>>;

/// What a client subscribes to of one type.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// Whether a request of the type has come.
    pub(super) started: bool,
    /// Whether it has a wildcard subscription.
    pub(super) wildcard: bool,
    names: Arc<NameSet>,
    /// Changes of a set that other clients share: whether each name is in it from now on. [`Self::share`] makes them.
    edits: BTreeMap<Arc<str>, bool>,
    /// Whether the names have changed since they were last shared.
    changed: bool,
}

/// Sets of names, shared: a thousand proxies that see the same services subscribe to the same thousand endpoints.
#[derive(Debug, Default)]
pub(crate) struct SharedNames {
    // Mutexes, because streams on all threads share their names here. They are held for a look-up.
    sets: Mutex<BTreeMap<u64, Weak<NameSet>>>,
    edits: Mutex<VecDeque<Edit>>,
}

/// A change of a shared set that a client made. Others that make the same one take its result: comparing sets would
/// cost each of them more than all else that a request costs.
#[derive(Debug)]
struct Edit {
    before: Weak<NameSet>,
    names: BTreeMap<Arc<str>, bool>,
    after: Weak<NameSet>,
}

impl Interest {
    /// Whether it subscribes to this name.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.wildcard || self.has(name)
    }

    /// Whether it subscribes to this name by the name itself.
    pub(super) fn has(&self, name: &str) -> bool {
        self.edits.get(name).copied().unwrap_or_else(|| self.names.contains(name))
    }

    /// The names that it subscribed to one by one when [`Self::share`] was last called.
    pub(super) fn names(&self) -> &NameSet {
        &self.names
    }

    /// It subscribes to this name.
    pub(super) fn insert(&mut self, name: Arc<str>) {
        if !self.has(&name) {
            self.set(name, true);
        }
    }

    /// It unsubscribes from this name.
    pub(super) fn remove(&mut self, name: &str) {
        if self.has(name) {
            self.set(name.into(), false);
        }
    }

    /// Makes the changes of a request, and shares the names with the clients that subscribe to the same. To be called
    /// after each request.
    pub(super) fn share(&mut self, shared: &SharedNames) {
        let edits = std::mem::take(&mut self.edits);
        if !edits.is_empty() {
            self.names = shared.edit(&self.names, edits);
        } else if std::mem::take(&mut self.changed) && self.names.len() >= FEW {
            self.names = shared.share(std::mem::take(&mut self.names));
        }
    }

    /// Changes the names at once if no other client shares them, and else with the next [`Self::share`].
    fn set(&mut self, name: Arc<str>, present: bool) {
        match Arc::get_mut(&mut self.names) {
            Some(own) if self.edits.is_empty() => {
                set(own, &name, present);
                self.changed = true;
            }
            _ => _ = self.edits.insert(name, present),
        }
    }
}

fn set(names: &mut NameSet, name: &Arc<str>, present: bool) {
    if present {
        names.insert(name.clone());
    } else {
        names.remove(name);
    }
}

impl SharedNames {
    /// The shared set that is equal to this one.
    fn share(&self, names: Arc<NameSet>) -> Arc<NameSet> {
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        let mut sets = self.sets.lock();
        let slot = sets.entry(hasher.finish()).or_default();
        let shared = match slot.upgrade() {
            Some(known) if known == names => known,
            // Two sets have the same hash. The older one stays.
            Some(_) => names,
            None => {
                *slot = Arc::downgrade(&names);
                names
            }
        };
        if sets.len() >= MANY && sets.len().is_power_of_two() {
            sets.retain(|_, set| set.strong_count() > 0);
        }
        shared
    }

    /// The set with these changes.
    fn edit(&self, names: &Arc<NameSet>, edits: BTreeMap<Arc<str>, bool>) -> Arc<NameSet> {
        let before = Arc::downgrade(names);
        let known = |edit: &Edit| edit.before.ptr_eq(&before) && edit.names == edits;
        let after = self.edits.lock().iter().find(|edit| known(edit)).and_then(|edit| edit.after.upgrade());
        if let Some(after) = after {
            return after;
        }
        let mut edited = (**names).clone();
        for (name, present) in &edits {
            set(&mut edited, name, *present);
        }
        let after = self.share(Arc::new(edited));
        let mut all = self.edits.lock();
        all.push_front(Edit { before, names: edits, after: Arc::downgrade(&after) });
        all.truncate(EDITS);
        after
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
    fn clients_that_make_the_same_edit_share_its_result() {
        let shared = SharedNames::default();
        let mut clients: Vec<_> = (0..3).map(|_| interest(FEW, &shared)).collect();
        for client in &mut clients {
            client.insert("more".into());
            client.remove("0");
            assert!(client.has("more") && !client.has("0"), "before the edit is made");
            client.share(&shared);
        }
        let [one, other, third] = &mut clients[..] else { panic!() };
        assert!(Arc::ptr_eq(&one.names, &other.names) && Arc::ptr_eq(&one.names, &third.names));
        assert!(one.names.contains("more") && !one.names.contains("0") && one.names.len() == FEW);

        one.insert("0".into());
        one.remove("0");
        one.share(&shared);
        assert!(Arc::ptr_eq(&one.names, &other.names), "nothing has changed");
        third.insert("else".into());
        third.share(&shared);
        assert!(third.has("else") && !other.has("else"));
    }

    #[test]
    fn edits_are_forgotten() {
        let shared = SharedNames::default();
        let (mut one, _other) = (interest(FEW, &shared), interest(FEW, &shared));
        for number in 0..2 * EDITS {
            one.insert(format!("more-{number}").into());
            one.share(&shared);
        }
        assert_eq!((shared.edits.lock().len(), one.names.len()), (EDITS, FEW + 2 * EDITS));
    }

    #[test]
    fn sets_without_a_client_are_removed() {
        let shared = SharedNames::default();
        (0..10 * MANY).for_each(|more| drop(interest(FEW + more, &shared)));
        assert!(shared.sets.lock().len() < MANY);
    }
}
