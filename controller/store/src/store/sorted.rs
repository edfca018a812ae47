//! Values that a snapshot lists from the oldest object to the youngest.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    authn::PeerAuthentication, gateway::Gateway, object::Origin, settings::ProxySettings, sidecar::Sidecar,
};

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
    /// Sets the value of one object, or takes it away. An equal value keeps its pointer.
    pub(super) fn set(&mut self, name: Name, value: Option<T>) {
        let old = self.by_name.get(&name);
        if old.map(|o| &**o) == value.as_ref() {
            return;
        }
        if let Some(old) = self.by_name.remove(&name) {
            self.by_age.remove(old.origin());
        }
        if let Some(value) = value.map(Arc::new) {
            self.by_age.insert(value.origin().clone(), value.clone());
            self.by_name.insert(name, value);
        }
        self.changed = true;
    }

    /// The list; the old one when nothing changed.
    pub(super) fn build(&mut self, old: &Arc<Vec<Arc<T>>>) -> Arc<Vec<Arc<T>>> {
        if !std::mem::take(&mut self.changed) {
            return old.clone();
        }
        let new: Vec<_> = self.by_age.values().cloned().collect();
        let same = old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| Arc::ptr_eq(a, b));
        if same { old.clone() } else { Arc::new(new) }
    }
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

impl HasOrigin for ProxySettings {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl HasOrigin for PeerAuthentication {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}
