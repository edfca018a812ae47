//! The existing pods, for checking whether the pod of a token still exists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use heddle_model::Text;
use heddle_model::object::ObjectRef;

/// The data of a pod that tokens refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Its UID. A new pod with the same name has another UID.
    pub uid: Text,
    /// Its service account.
    pub service_account: Text,
}

/// The first minor version of the kubelet with native sidecars on by default.
const NATIVE_SIDECARS: u32 = 33;

/// All pods by key, and the kubelets of the nodes. It has a lock, because it must not lag behind the watch as a
/// revision does: a token ends with its pod. The lock is held for one read or one change.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodIndex {
    pods: Arc<RwLock<BTreeMap<Arc<ObjectRef>, Resident>>>,
    kubelets: Arc<RwLock<BTreeMap<Arc<ObjectRef>, u32>>>,
}

impl PodIndex {
    /// Adds a pod.
    pub(crate) fn insert(&self, key: Arc<ObjectRef>, uid: &str, service_account: &str) {
        let resident = Resident { uid: uid.into(), service_account: service_account.into() };
        self.pods.write().unwrap_or_else(PoisonError::into_inner).insert(key, resident);
    }

    /// Removes a pod or a node.
    pub(crate) fn remove(&self, key: &ObjectRef) {
        self.pods.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        self.kubelets.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Removes all pods of a cluster except these.
    pub(crate) fn retain(&self, cluster: &Text, keys: &BTreeSet<&Arc<ObjectRef>>) {
        let is_kept = |key: &Arc<ObjectRef>| key.cluster != *cluster || keys.contains(key);
        self.pods.write().unwrap_or_else(PoisonError::into_inner).retain(|key, _| is_kept(key));
    }

    /// Adds a node with the version of its kubelet, for example `v1.34.1`.
    pub(crate) fn insert_node(&self, key: Arc<ObjectRef>, version: &str) {
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0);
        self.kubelets.write().unwrap_or_else(PoisonError::into_inner).insert(key, minor);
    }

    /// Whether all nodes support native sidecars. It is true without nodes.
    pub(crate) fn has_native_sidecars(&self) -> bool {
        let kubelets = self.kubelets.read().unwrap_or_else(PoisonError::into_inner);
        kubelets.values().all(|minor| *minor >= NATIVE_SIDECARS)
    }

    /// The pod of this key.
    pub(crate) fn get(&self, key: &ObjectRef) -> Option<Resident> {
        self.pods.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}
