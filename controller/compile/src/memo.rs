//! What was compiled before, by all that it depends on: views that ask for the same share one compilation and its
//! bytes.
//!
//! A key holds the leaves that its result is made of, so a hit can never be stale, nor cross what its asker may see.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crate::{
    cluster::ClusterKey,
    endpoint::EndpointKey,
    inbound::InboundKey,
    route::{HostRoutesKey, VirtualHostKey},
    secret::SecretKey,
};

/// Entries beyond which those that nobody holds are looked for.
const FEW: usize = 256;

/// Results by key. Whoever compiled last holds them; what nobody holds any more is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    pub(crate) clusters: Table<ClusterKey>,
    pub(crate) endpoints: Table<EndpointKey>,
    pub(crate) routes: Table<HostRoutesKey>,
    pub(crate) virtual_hosts: Table<VirtualHostKey>,
    pub(crate) inbound: Table<InboundKey>,
    pub(crate) secrets: Table<SecretKey>,
}

/// All that one result depends on. Another thing that is remembered is another `impl`, and a table in [`Memo`].
pub(crate) trait Key: Ord + Clone + std::fmt::Debug {
    /// What is compiled of it.
    type Value: std::fmt::Debug;

    /// Compiles it: of nothing but the key.
    fn compile(&self) -> Self::Value;
}

/// A mutex: streams compile on many threads, and a task that owned this would make them wait for each other's
/// compilations, where they now only wait for the look-up.
#[derive(Debug)]
pub(crate) struct Table<K: Key>(Mutex<Slots<K>>);

#[derive(Debug)]
struct Slots<K: Key> {
    by_key: BTreeMap<K, Weak<K::Value>>,
    /// Number of entries at which the dead are looked for next.
    sweep_at: usize,
}

impl<K: Key> Table<K> {
    /// The result of a key.
    pub(crate) fn get(&self, key: &K) -> Arc<K::Value> {
        self.find_or_compile(key).0
    }

    /// The result of a key, and whether it had to be compiled.
    pub(crate) fn find_or_compile(&self, key: &K) -> (Arc<K::Value>, bool) {
        let known = self.lock().by_key.get(key).and_then(Weak::upgrade);
        if let Some(known) = known {
            return (known, false);
        }
        let fresh = Arc::new(key.compile());
        let mut entries = self.lock();
        if entries.by_key.len() >= entries.sweep_at {
            entries.sweep();
        }
        // Of two that compiled the same at once both go on with the first one's.
        let slot = entries.by_key.entry(key.clone()).or_default();
        if let Some(first) = slot.upgrade() {
            return (first, true);
        }
        *slot = Arc::downgrade(&fresh);
        (fresh, true)
    }

    /// Forgets what nobody holds any more, and with it what its keys hold.
    pub(crate) fn sweep(&self) {
        self.lock().sweep();
    }

    fn lock(&self) -> MutexGuard<'_, Slots<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key> Slots<K> {
    fn sweep(&mut self) {
        self.by_key.retain(|_, kept| kept.strong_count() > 0);
        self.sweep_at = (self.by_key.len() * 2).max(FEW);
    }
}

impl<K: Key> Default for Table<K> {
    fn default() -> Self {
        Self(Mutex::new(Slots { by_key: BTreeMap::new(), sweep_at: FEW }))
    }
}

#[cfg(test)]
mod tests {
    use heddle_model::protocol::Protocol;

    use super::*;
    use crate::fixture::{TestMesh, cluster_keys, endpoint, endpoint_keys, service, sidecar};

    fn test_mesh(address: &str) -> TestMesh {
        TestMesh::default().with(service("web", &[(80, Protocol::Http)]), vec![endpoint(address, 80)])
    }

    #[test]
    fn the_same_key_is_compiled_once_as_long_as_somebody_holds_it() {
        let (memo, test_mesh) = (Memo::default(), test_mesh("10.0.0.1"));
        let asked = || test_mesh.see(&sidecar(), |scope| cluster_keys(scope).remove(0));
        let held = memo.clusters.get(&asked());
        assert!(Arc::ptr_eq(&held, &memo.clusters.get(&asked())));
        let version = held.resource.version();
        drop(held);
        assert_eq!(memo.clusters.lock().by_key.values().filter(|kept| kept.strong_count() > 0).count(), 0);
        assert_eq!(memo.clusters.get(&asked()).resource.version(), version);
    }

    #[test]
    fn a_change_is_never_answered_from_before() {
        let memo = Memo::default();
        let asked = |test_mesh: &TestMesh| test_mesh.see(&sidecar(), |scope| endpoint_keys(scope).remove(0));
        let (before, after) = (test_mesh("10.0.0.1"), test_mesh("10.0.0.2"));
        let held = memo.endpoints.get(&asked(&before));
        assert_ne!(held.resource.version(), memo.endpoints.get(&asked(&after)).resource.version());
    }

    #[test]
    fn what_nobody_holds_is_forgotten() {
        let memo = Memo::default();
        for number in 0..2 * FEW {
            let test_mesh = test_mesh(&format!("10.0.{}.{}", number / 256, number % 256));
            let _ = memo.endpoints.get(&test_mesh.see(&sidecar(), |scope| endpoint_keys(scope).remove(0)));
        }
        assert!(memo.endpoints.lock().by_key.len() <= FEW);
    }
}
