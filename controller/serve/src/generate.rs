//! The trait by which serve gets configuration without knowing how it is compiled.

use std::sync::Arc;

use heddle_model::{object::ObjectRef, proxy::Proxy, snapshot::Snapshot};
use heddle_xds_api::{ResourceSet, TypeSet, TypeUrl};

/// Compiles what a proxy is to hold.
///
/// Called off the async workers. The same snapshot and proxy give the same resources; what did not change since an
/// earlier snapshot is best returned as the same `Arc`, which makes the comparison with what was sent cheap.
pub trait Generate: Send + Sync + 'static {
    /// All resources of these types: the client names what it wants of them afterwards. Types that were not asked for
    /// may be missing.
    ///
    /// For each cluster with endpoints by EDS the set must hold its endpoints, if need be without any.
    fn generate(&self, snapshot: &Snapshot, proxy: &Proxy, types: TypeSet) -> ResourceSet;

    /// The objects that a resource came from, to be named when a proxy rejects it.
    fn sources(&self, snapshot: &Snapshot, proxy: &Proxy, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        let _ = (snapshot, proxy, type_url, name);
        Vec::new()
    }
}
