//! What tells one revision from the next: bytes that a resource holds once the change has arrived in it, or a part of
//! the name of a resource that is removed.

use memchr::memmem::Finder;

use crate::proxy::ResourceType;
use crate::wire;

/// Field 2 of `SocketAddress`, `HeaderValue` and of a cluster's thresholds is what each change is made of.
const FIELD: u32 = 2;

/// What a proxy waits for.
#[derive(Clone, Debug)]
pub(crate) struct Marker {
    /// The kinds of the resources that hold it; none if it is in the names of removed ones.
    kinds: &'static [ResourceType],
    finder: Finder<'static>,
}

impl Marker {
    /// Text in a route, as the value of a header.
    pub(crate) fn header(value: &str) -> Self {
        Self::new(&[ResourceType::Route, ResourceType::VirtualHost], &text(value))
    }

    /// An address in a cluster's endpoints.
    pub(crate) fn address(address: &str) -> Self {
        Self::new(&[ResourceType::Endpoint], &text(address))
    }

    /// The most connections that a cluster allows.
    pub(crate) fn connections(most: u32) -> Self {
        let mut wrapped = vec![0x08];
        wire::put_varint(u64::from(most), &mut wrapped);
        let mut bytes = Vec::new();
        wire::put(FIELD, &wrapped, &mut bytes);
        Self::new(&[ResourceType::Cluster], &bytes)
    }

    /// Text in the names of resources that are removed.
    pub(crate) fn removed(text: &str) -> Self {
        Self::new(&[], text.as_bytes())
    }

    /// Whether the removal of the resource with this name shows it.
    pub(crate) fn is_removal(&self, name: &[u8]) -> bool {
        self.kinds.is_empty() && self.finder.find(name).is_some()
    }

    /// Whether a resource of this kind holds it.
    pub(crate) fn is_in(&self, kind: ResourceType, resource: &[u8]) -> bool {
        self.kinds.contains(&kind) && self.finder.find(resource).is_some()
    }

    fn new(kinds: &'static [ResourceType], bytes: &[u8]) -> Self {
        Self { kinds, finder: Finder::new(bytes).into_owned() }
    }
}

/// With its length before it, so that `10.0.0.1` is not found in `10.0.0.10`.
fn text(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::put(FIELD, value.as_bytes(), &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use heddle_xds_api::envoy::config::cluster::v3::{CircuitBreakers, Cluster, circuit_breakers::Thresholds};
    use heddle_xds_api::envoy::config::core::v3::{HeaderValue, SocketAddress};
    use prost::Message as _;

    use super::*;

    #[test]
    fn markers_are_found_and_their_like_are_not() {
        let header =
            |value: &str| HeaderValue { key: "x".into(), value: value.into(), ..Default::default() }.encode_to_vec();
        let marker = Marker::header("m-1");
        assert!(marker.is_in(ResourceType::VirtualHost, &header("m-1")));
        assert!(!marker.is_in(ResourceType::VirtualHost, &header("m-10")));
        assert!(!marker.is_in(ResourceType::Cluster, &header("m-1")));
        let address = |text: &str| SocketAddress { address: text.into(), ..Default::default() }.encode_to_vec();
        assert!(Marker::address("10.0.0.1").is_in(ResourceType::Endpoint, &address("10.0.0.1")));
        assert!(!Marker::address("10.0.0.1").is_in(ResourceType::Endpoint, &address("10.0.0.12")));
    }

    #[test]
    fn a_removal_is_known_by_the_name_and_by_nothing_else() {
        let (marker, name) = (Marker::removed("|canary|"), b"outbound|80|canary|app-0.team-0.svc.cluster.local");
        assert!(marker.is_removal(name));
        assert!(!marker.is_removal(b"outbound|80||app-0.team-0.svc.cluster.local"));
        assert!(!marker.is_in(ResourceType::Cluster, name));
        assert!(!Marker::header("m-1").is_removal(b"m-1"));
    }

    #[test]
    fn connections_are_found_in_a_cluster() {
        let thresholds = Thresholds { max_connections: Some(1_000_007), ..Default::default() };
        let circuit_breakers = Some(CircuitBreakers { thresholds: vec![thresholds], ..Default::default() });
        let cluster = Cluster { circuit_breakers, ..Default::default() }.encode_to_vec();
        assert!(Marker::connections(1_000_007).is_in(ResourceType::Cluster, &cluster));
        assert!(!Marker::connections(1_000_008).is_in(ResourceType::Cluster, &cluster));
    }
}
