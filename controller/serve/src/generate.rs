//! The trait by which serve gets configuration without knowing how it is compiled.

use std::sync::Arc;

use heddle_model::{object::ObjectRef, proxy::Proxy, snapshot::Snapshot};
use heddle_xds_api::{Resource, ResourceSet, TypeUrl};

/// Compiles the resources of proxies.
///
/// It is called off the async workers, for each connected proxy after each commit. Where a commit changes nothing for a
/// proxy, the result must be the same `Arc` as before, and cheap.
pub trait Generate: Send + Sync + 'static {
    /// What is kept of a connected proxy from one revision to the next.
    type Session: Send + 'static;

    /// Begins the session of a proxy that has connected.
    fn open(&self, proxy: &Arc<Proxy>) -> Self::Session;

    /// All resources of the session's proxy, of all types. Its client subscribes to some of them. A resource that did
    /// not change since the last call is the same `Arc`, which makes the comparison with what was sent cheap.
    ///
    /// For each EDS cluster the set must hold a `ClusterLoadAssignment`, if need be without endpoints.
    fn update(&self, snapshot: &Arc<Snapshot>, session: &mut Self::Session) -> Arc<ResourceSet>;

    /// What stands in for a resource that a proxy rejects, of which no proxy has accepted any version. It must let
    /// nothing pass that the resource would not. None where the proxy does without.
    #[must_use]
    fn stand_in(resource: &Resource) -> Option<Resource> {
        let _ = resource;
        None
    }

    /// The objects that a resource was compiled from, to be named when a proxy rejects it.
    fn sources(&self, session: &Self::Session, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        let _ = (session, type_url, name);
        Vec::new()
    }
}
