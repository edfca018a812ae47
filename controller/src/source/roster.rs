//! The pods that exist, for whoever must know whether a token's pod is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use heddle_model::Text;
use heddle_store::ObjectKey;

/// A pod, as far as tokens name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Its unique name: another pod of the same name is another.
    pub uid: Text,
    /// Its service account.
    pub service_account: Text,
}

/// All pods by key. A lock, because it must not lag behind the watch as a revision does: a token that was good for a pod
/// ends with it. It is held for one look or one change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster(Arc<RwLock<BTreeMap<ObjectKey, Resident>>>);

impl Roster {
    /// Notes a pod.
    pub(crate) fn insert(&self, key: ObjectKey, uid: &str, service_account: &str) {
        let resident = Resident { uid: uid.into(), service_account: service_account.into() };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, resident);
    }

    /// Strikes a pod out.
    pub(crate) fn remove(&self, key: &ObjectKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Strikes out all but these.
    pub(crate) fn retain(&self, keys: &BTreeSet<&ObjectKey>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|key, _| keys.contains(key));
    }

    /// The pod of this key.
    pub(crate) fn get(&self, key: &ObjectKey) -> Option<Resident> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}
