//! The pods that exist, for whoever must know whether a token's pod is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use heddle_model::Text;
use heddle_model::object::ObjectRef;

/// A pod, as far as tokens name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Its unique name: another pod of the same name is another.
    pub uid: Text,
    /// Its service account.
    pub service_account: Text,
}

/// The first minor version of the kubelet that starts an init container that restarts as a sidecar, without being told to.
const NATIVE_SIDECARS: u32 = 33;

/// All pods by key, and the nodes' kubelets. A lock, because it must not lag behind the watch as a revision does: a token that was good for a pod
/// ends with it. It is held for one look or one change.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodIndex {
    pods: Arc<RwLock<BTreeMap<Arc<ObjectRef>, Resident>>>,
    kubelets: Arc<RwLock<BTreeMap<Arc<ObjectRef>, u32>>>,
}

impl PodIndex {
    /// Notes a pod.
    pub(crate) fn insert(&self, key: Arc<ObjectRef>, uid: &str, service_account: &str) {
        let resident = Resident { uid: uid.into(), service_account: service_account.into() };
        self.pods.write().unwrap_or_else(PoisonError::into_inner).insert(key, resident);
    }

    /// Strikes a pod or a node out.
    pub(crate) fn remove(&self, key: &ObjectRef) {
        self.pods.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        self.kubelets.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Strikes out all pods of a cluster but these.
    pub(crate) fn retain(&self, cluster: &Text, keys: &BTreeSet<&Arc<ObjectRef>>) {
        let is_kept = |key: &Arc<ObjectRef>| key.cluster != *cluster || keys.contains(key);
        self.pods.write().unwrap_or_else(PoisonError::into_inner).retain(|key, _| is_kept(key));
    }

    /// Notes a node by its kubelet's version, `v1.34.1` for instance.
    pub(crate) fn insert_node(&self, key: Arc<ObjectRef>, version: &str) {
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0);
        self.kubelets.write().unwrap_or_else(PoisonError::into_inner).insert(key, minor);
    }

    /// Whether each node starts native sidecars. Where there is no node, none is too old.
    pub(crate) fn has_native_sidecars(&self) -> bool {
        let kubelets = self.kubelets.read().unwrap_or_else(PoisonError::into_inner);
        kubelets.values().all(|minor| *minor >= NATIVE_SIDECARS)
    }

    /// The pod of this key.
    pub(crate) fn get(&self, key: &ObjectRef) -> Option<Resident> {
        self.pods.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}
