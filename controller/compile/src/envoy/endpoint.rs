//! Endpoints: addresses with weight, health and metadata.

use heddle_model::{endpoint, locality};
use heddle_xds_api::envoy::config::{
    core::v3::{
        Address, HealthStatus, Locality, Metadata, Pipe, SocketAddress, address, socket_address::PortSpecifier,
    },
    endpoint::v3::{ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint::HostIdentifier},
};

/// A TCP address: an IP without brackets, or a name where the cluster resolves names.
pub(crate) fn socket(address: impl Into<String>, port: u16) -> SocketAddress {
    SocketAddress {
        address: address.into(),
        port_specifier: Some(PortSpecifier::PortValue(port.into())),
        ..Default::default()
    }
}

/// The address of an endpoint.
pub(crate) fn address(address: &endpoint::Address, port: u16) -> Address {
    let address = match address {
        endpoint::Address::Uds(path) => address::Address::Pipe(pipe(path)),
        other => address::Address::SocketAddress(socket(&*other.text(), port)),
    };
    Address { address: Some(address) }
}

/// An endpoint of weight, health and metadata.
pub(crate) fn lb_endpoint(
    address: Address,
    health: HealthStatus,
    weight: u32,
    metadata: Option<Metadata>,
) -> LbEndpoint {
    LbEndpoint {
        health_status: health.into(),
        metadata,
        load_balancing_weight: Some(weight.max(1)),
        host_identifier: Some(HostIdentifier::Endpoint(Endpoint { address: Some(address), ..Default::default() })),
    }
}

/// Endpoints of one place. Its weight is the sum of theirs.
pub(crate) fn locality(place: &locality::Locality, lb_endpoints: Vec<LbEndpoint>) -> LocalityLbEndpoints {
    let weight = lb_endpoints.iter().filter_map(|e| e.load_balancing_weight).fold(0_u32, u32::saturating_add);
    let locality = Locality {
        region: place.region.to_string(),
        zone: place.zone.to_string(),
        sub_zone: place.subzone.to_string(),
    };
    LocalityLbEndpoints {
        locality: Some(locality),
        lb_endpoints,
        load_balancing_weight: Some(weight.max(1)),
        ..Default::default()
    }
}

/// All endpoints of a cluster.
pub(crate) fn assignment(cluster: &str, endpoints: Vec<LocalityLbEndpoints>) -> ClusterLoadAssignment {
    ClusterLoadAssignment { cluster_name: cluster.into(), endpoints, ..Default::default() }
}

/// One address without weight or place, for clusters that have no more.
pub(crate) fn single(cluster: &str, address: Address) -> ClusterLoadAssignment {
    let endpoint = Endpoint { address: Some(address), ..Default::default() };
    let only = LbEndpoint { host_identifier: Some(HostIdentifier::Endpoint(endpoint)), ..Default::default() };
    assignment(cluster, vec![LocalityLbEndpoints { lb_endpoints: vec![only], ..Default::default() }])
}

fn pipe(path: &str) -> Pipe {
    Pipe { path: path.strip_prefix("unix://").unwrap_or(path).into(), ..Default::default() }
}
