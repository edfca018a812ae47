//! The trait by which serve gets configuration without knowing how it is compiled.

use std::sync::Arc;

use heddle_model::{object::ObjectRef, proxy::Proxy, snapshot::Snapshot};
use heddle_xds_api::{ResourceSet, TypeUrl};

/// Compiles what proxies are to hold.
///
/// Called off the async workers, for each connected proxy after each commit: where a commit changes nothing for a proxy, the
/// answer is to be the same `Arc` as before, and cheap.
pub trait Generate: Send + Sync + 'static {
    /// What is kept of a connected proxy from one revision to the next.
    type Seat: Send + 'static;

    /// A place for a proxy that has connected.
    fn seat(&self, proxy: &Arc<Proxy>) -> Self::Seat;

    /// All resources of the proxy in this place, of all types: its client names what it wants of them. What did not change
    /// since the last time is the same `Arc`, which makes the comparison with what was sent cheap.
    ///
    /// For each cluster with endpoints by EDS the set must hold its endpoints, if need be without any.
    fn generate(&self, snapshot: &Arc<Snapshot>, seat: &mut Self::Seat) -> Arc<ResourceSet>;

    /// The objects that a resource came from, to be named when a proxy rejects it.
    fn sources(&self, seat: &Self::Seat, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        let _ = (seat, type_url, name);
        Vec::new()
    }
}
