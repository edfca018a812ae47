//! Values that a snapshot lists from the oldest object to the youngest.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    Text, authn::PeerAuthentication, authz::AuthorizationPolicy, gateway::Gateway, object::Origin,
    settings::ProxySettings, sidecar::Sidecar,
};

use super::Name;

/// Values by namespace, the oldest first.
pub(super) type ByNamespace<T> = BTreeMap<Text, Arc<Vec<Arc<T>>>>;

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
        if is_same(old, &new) { old.clone() } else { Arc::new(new) }
    }

    /// The lists by namespace; a namespace without a change keeps its list.
    pub(super) fn build_by_namespace(&mut self, old: &Arc<ByNamespace<T>>) -> Arc<ByNamespace<T>> {
        if !std::mem::take(&mut self.changed) {
            return old.clone();
        }
        let mut lists: BTreeMap<Text, Vec<Arc<T>>> = BTreeMap::new();
        for value in self.by_age.values() {
            lists.entry(value.origin().namespace().clone()).or_default().push(value.clone());
        }
        let list = |(namespace, list): (Text, Vec<Arc<T>>)| {
            let known = old.get(&namespace).filter(|known| is_same(known, &list)).cloned();
            (namespace, known.unwrap_or_else(|| Arc::new(list)))
        };
        let new: ByNamespace<T> = lists.into_iter().map(list).collect();
        let kept = |(namespace, list): (&Text, &Arc<_>)| new.get(namespace).is_some_and(|new| Arc::ptr_eq(list, new));
        if old.len() == new.len() && old.iter().all(kept) { old.clone() } else { Arc::new(new) }
    }
}

/// Whether two lists hold the same pointers.
fn is_same<T>(old: &[Arc<T>], new: &[Arc<T>]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(a, b)| Arc::ptr_eq(a, b))
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

impl HasOrigin for AuthorizationPolicy {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl HasOrigin for PeerAuthentication {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}
