//! Values that a snapshot lists from the oldest object to the youngest.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{authn::PeerAuthentication, gateway::Gateway, object::Origin, scope::Sidecar};

use super::Name;

/// A value that knows its object.
pub(super) trait HasOrigin: PartialEq {
    /// Its object.
    fn origin(&self) -> &Origin;
}

/// Values by name and by age.
#[derive(Debug)]
pub(super) struct Sorted<T> {
    by_name: BTreeMap<Name, Arc<T>>,
    by_age: BTreeMap<Origin, Arc<T>>,
    changed: bool,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), by_age: BTreeMap::new(), changed: false }
    }
}

impl<T: HasOrigin> Sorted<T> {
    /// Sets the value of one object, or takes it away. An equal value keeps its pointer. Says whether it differs.
    pub(super) fn set(&mut self, name: Name, value: Option<T>) -> bool {
        let old = self.by_name.get(&name);
        if old.map(|o| &**o) == value.as_ref() {
            return false;
        }
        if let Some(old) = self.by_name.remove(&name) {
            self.by_age.remove(old.origin());
        }
        if let Some(value) = value.map(Arc::new) {
            self.by_age.insert(value.origin().clone(), value.clone());
            self.by_name.insert(name, value);
        }
        self.changed = true;
        true
    }

    /// One by its name.
    pub(super) fn get(&self, name: &Name) -> Option<&Arc<T>> {
        self.by_name.get(name)
    }

    /// All, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.by_age.values()
    }

    /// Whether anything changed since the last call.
    pub(super) fn take(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The list; the old one when nothing changed.
    pub(super) fn build(&mut self, old: &Arc<Vec<Arc<T>>>) -> Arc<Vec<Arc<T>>> {
        if !self.take() {
            return old.clone();
        }
        let new: Vec<_> = self.by_age.values().cloned().collect();
        share_list(old, new)
    }
}

/// The old list when it holds the same pointers.
pub(super) fn share_list<T>(old: &Arc<Vec<Arc<T>>>, new: Vec<Arc<T>>) -> Arc<Vec<Arc<T>>> {
    let same = old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| Arc::ptr_eq(a, b));
    if same { old.clone() } else { Arc::new(new) }
}

impl HasOrigin for Gateway {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl HasOrigin for Sidecar {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl HasOrigin for PeerAuthentication {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}
