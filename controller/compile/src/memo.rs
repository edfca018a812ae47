//! What was compiled before, by all that it depends on: views that ask for the same share one compilation and its bytes.
//!
//! A key holds the leaves that its result was made of, so a hit can never be stale, nor cross what its asker may see.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use heddle_model::{issue::Issue, object::ObjectRef};
use heddle_xds_api::{Resource, TypeUrl, envoy::config::route::v3::VirtualHost};

use crate::{
    cluster::{self, ClusterKey},
    compiled::Compiled,
    endpoint::{self, EndpointKey},
    route::{self, HostRoutesKey, RouteEntries, VirtualHostKey},
};

/// Entries beyond which those that nobody holds are looked for.
const FEW: usize = 256;

/// Results by key. Whoever compiled last holds them; what nobody holds any more is forgotten.
#[derive(Debug, Default)]
pub struct Memo {
    clusters: Table<ClusterKey, Kept>,
    endpoints: Table<EndpointKey, Kept>,
    routes: Table<HostRoutesKey, RouteEntries>,
    virtual_hosts: Table<VirtualHostKey, Kept>,
}

/// One result with its story, encoded.
#[derive(Debug)]
pub struct Kept {
    /// The resource.
    pub resource: Arc<Resource>,
    /// What is wrong with the input.
    pub issues: Vec<Issue>,
    /// The objects that it came from, sorted.
    pub sources: Vec<Arc<ObjectRef>>,
}

/// A mutex: streams compile on many threads, and a task that owned this would make them wait for each other's
/// compilations, where they now only wait for the look-up.
#[derive(Debug)]
struct Table<K, V>(Mutex<Entries<K, V>>);

#[derive(Debug)]
struct Entries<K, V> {
    by_key: BTreeMap<K, Weak<V>>,
    /// Number of entries at which the dead are looked for next.
    sweep_at: usize,
}

impl Memo {
    /// The cluster of a key.
    #[must_use]
    pub fn cluster(&self, key: &ClusterKey) -> Arc<Kept> {
        self.clusters.get(key, || Kept::new(TypeUrl::Cluster, key.name(), cluster::cluster(key)))
    }

    /// The endpoints of a key.
    #[must_use]
    pub fn endpoints(&self, key: &EndpointKey) -> Arc<Kept> {
        self.endpoints.get(key, || Kept::new(TypeUrl::Endpoint, key.name(), endpoint::load_assignment(key)))
    }

    /// The routes of a key.
    #[must_use]
    pub fn routes(&self, key: &HostRoutesKey) -> Arc<RouteEntries> {
        self.routes.get(key, || route::routes(key))
    }

    /// The virtual host of a key, to be sent apart from its route configuration.
    #[must_use]
    pub fn virtual_host(&self, key: &VirtualHostKey) -> Arc<Kept> {
        let compile = || {
            let name = key.resource();
            // "Removed resources" are looked for by the virtual host's own name in Envoy 1.40: another would stay for ever.
            let compiled = route::virtual_host(key).map(|host| VirtualHost { name: name.clone(), ..host });
            Kept::new(TypeUrl::VirtualHost, name, compiled)
        };
        self.virtual_hosts.get(key, compile)
    }
}

impl Kept {
    /// Encodes a result.
    #[must_use]
    pub fn new<M: prost::Message + 'static>(type_url: TypeUrl, name: String, compiled: Compiled<M>) -> Self {
        let Compiled { value, issues, mut sources } = compiled;
        sources.sort();
        sources.dedup();
        Self { resource: Arc::new(Resource::new(type_url, name, &value)), issues, sources }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    fn get(&self, key: &K, compile: impl FnOnce() -> V) -> Arc<V> {
        let known = self.lock().by_key.get(key).and_then(Weak::upgrade);
        if let Some(known) = known {
            return known;
        }
        let fresh = Arc::new(compile());
        let mut entries = self.lock();
        if entries.by_key.len() >= entries.sweep_at {
            entries.by_key.retain(|_, kept| kept.strong_count() > 0);
            entries.sweep_at = (entries.by_key.len() * 2).max(FEW);
        }
        // Of two that compiled the same at once both go on with the first one's.
        let slot = entries.by_key.entry(key.clone()).or_default();
        if let Some(first) = slot.upgrade() {
            return first;
        }
        *slot = Arc::downgrade(&fresh);
        fresh
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Entries { by_key: BTreeMap::new(), sweep_at: FEW }))
    }
}

#[cfg(test)]
mod tests {
    use heddle_model::protocol::Protocol;

    use super::*;
    use crate::fixture::{TestMesh, endpoint, service, sidecar};

    fn test_mesh(address: &str) -> TestMesh {
        TestMesh::default().with(service("web", &[(80, Protocol::Http)]), vec![endpoint(address, 80)])
    }

    #[test]
    fn the_same_key_is_compiled_once_as_long_as_somebody_holds_it() {
        let (memo, test_mesh) = (Memo::default(), test_mesh("10.0.0.1"));
        let asked = || test_mesh.see(&sidecar(), |scope| cluster::keys(scope).remove(0));
        let held = memo.cluster(&asked());
        assert!(Arc::ptr_eq(&held, &memo.cluster(&asked())));
        let version = held.resource.version();
        drop(held);
        assert_eq!(memo.clusters.lock().by_key.values().filter(|kept| kept.strong_count() > 0).count(), 0);
        assert_eq!(memo.cluster(&asked()).resource.version(), version);
    }

    #[test]
    fn a_change_is_never_answered_from_before() {
        let memo = Memo::default();
        let asked = |test_mesh: &TestMesh| test_mesh.see(&sidecar(), |scope| endpoint::keys(scope).remove(0));
        let (before, after) = (test_mesh("10.0.0.1"), test_mesh("10.0.0.2"));
        let held = memo.endpoints(&asked(&before));
        assert_ne!(held.resource.version(), memo.endpoints(&asked(&after)).resource.version());
    }

    #[test]
    fn what_nobody_holds_is_forgotten() {
        let memo = Memo::default();
        for number in 0..2 * FEW {
            let test_mesh = test_mesh(&format!("10.0.{}.{}", number / 256, number % 256));
            let _ = memo.endpoints(&test_mesh.see(&sidecar(), |scope| endpoint::keys(scope).remove(0)));
        }
        assert!(memo.endpoints.lock().by_key.len() <= FEW);
    }
}
