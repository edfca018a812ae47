//! Discovery selectors: the objects of namespaces that are not selected are kept, and not read, until they are
//! selected.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{Text, labels::Labels, object::ObjectRef};

use super::Store;

impl Store {
    /// Whether an object is read. The control plane's own namespace always is, and what lies in none.
    pub(super) fn is_discovered(&self, key: &ObjectRef) -> bool {
        key.namespace.is_empty() || self.discovers(&key.namespace)
    }

    /// Takes what came of an object away, though the object stays.
    pub(super) fn hide(&mut self, key: &Arc<ObjectRef>) {
        // Which namespaces are hidden is told at commit, of all of their objects at once.
        self.stale.discovery = true;
        self.find(key, &[]);
        self.forget(key);
    }

    /// Looks again at the objects of namespaces that came to be read, or not to be.
    pub(super) fn commit_discovery(&mut self) {
        if !std::mem::take(&mut self.stale.discovery) || (self.hidden.is_empty() && self.mesh.discovery.is_empty()) {
            return;
        }
        let all: BTreeSet<Text> = self.objects().map(|object| object.key.namespace.clone()).collect();
        let hidden: BTreeSet<Text> = all.into_iter().filter(|n| !n.is_empty() && !self.discovers(n)).collect();
        let changed: BTreeSet<&Text> = hidden.symmetric_difference(&self.hidden).collect();
        self.stale.findings |= !changed.is_empty();
        let objects = self.objects().filter(|object| changed.contains(&object.key.namespace));
        for object in objects.cloned().collect::<Vec<_>>() {
            if hidden.contains(&object.key.namespace) {
                self.hide(&object.key);
            } else {
                self.ingest(&object);
            }
        }
        self.hidden = hidden;
        // The objects of a namespace that came or went say nothing of namespaces.
        self.stale.discovery = false;
    }

    fn discovers(&self, namespace: &Text) -> bool {
        *namespace == self.settings.namespace || {
            let labels = self.namespaces.get(namespace);
            self.mesh.discovers(namespace, labels.unwrap_or(&Labels::default()))
        }
    }
}
