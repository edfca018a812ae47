//! Clusters towards the workload itself: one a port, and one for ports that nothing declares.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use heddle_model::{
    destination_rule::DestinationRule,
    endpoint::Address,
    proxy::{Interception, ProxyKind},
    traffic::{ConnectionPool, TrafficPolicy},
};
use heddle_xds_api::envoy::config::cluster::v3::{
    Cluster,
    cluster::{CommonLbConfig, DiscoveryType, LbPolicy},
};

use super::{key::InboundKey, port::InboundPort};
use crate::{
    cluster::{Policy, passthrough, pool, telemetry},
    compiled::Compiled,
    envoy::{cluster as envoy, duration, endpoint as envoy_endpoint},
    listener::filter::HttpProxy,
    name,
};

/// Sources of connections to the workload, which the redirection rules know and let pass.
const OWN_SOURCE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6));
const OWN_SOURCE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6));

/// The inbound clusters of a sidecar.
pub(super) fn clusters(key: &InboundKey) -> Vec<Compiled<Cluster>> {
    let mut clusters: Vec<_> = key.ports.iter().map(|port| own(key, port)).collect();
    clusters.push(Compiled::new(undeclared(key)));
    clusters
}

fn own(key: &InboundKey, port: &InboundPort) -> Compiled<Cluster> {
    let name = name::inbound(port.number);
    let mut cluster = envoy::cluster(&name, DiscoveryType::Static, key.mesh.connect_timeout);
    if let Some((address, number)) = &port.address {
        cluster.load_assignment = Some(envoy_endpoint::single(&name, envoy_endpoint::address(address, *number)));
    } else {
        cluster = envoy::cluster(&name, DiscoveryType::OriginalDst, key.mesh.connect_timeout);
        cluster.lb_policy = LbPolicy::ClusterProvided.into();
        // There is one endpoint only: to forget it would only close its connections.
        cluster.cleanup_interval = Some(duration::never());
    }
    let pool = key.pool(port).or_else(|| pool_of(port.rule.as_deref(), port.service_port));
    pool::limit(&mut cluster, &key.mesh, pool, None);
    let follows = pool.is_some_and(|pool| pool.use_client_protocol);
    let upstream = if follows { pool::Upstream::AsClient } else { pool::declared(ProxyKind::Sidecar, port.protocol) };
    envoy::http_options(&mut cluster, &key.mesh, pool::http_options(upstream, pool));
    if needs_own_source(key, port) {
        cluster.upstream_bind_config = envoy::bind(&sources(key.http));
    }
    cluster.common_lb_config = Some(CommonLbConfig::default());
    describe(cluster, key, port)
}

fn describe(mut cluster: Cluster, key: &InboundKey, port: &InboundPort) -> Compiled<Cluster> {
    let limits = port.rule.as_ref().filter(|rule| rule.policy != TrafficPolicy::default());
    let named = limits.map(|rule| &*rule.origin.object);
    cluster.metadata = telemetry::of_services(port.services.iter().map(|service| &**service), named);
    if let Some(service) = port.services.first() {
        let stat = telemetry::inbound_stat_name(&key.mesh, service, &port.name, port.service_port, port.number);
        cluster.alt_stat_name = stat.unwrap_or(cluster.alt_stat_name);
    }
    let services = port.services.iter().map(|service| service.origin.object.clone());
    let sidecar = key.sidecar.iter().map(|sidecar| sidecar.origin.object.clone());
    let rules = limits.iter().map(|rule| rule.origin.object.clone());
    Compiled { value: cluster, issues: Vec::new(), sources: services.chain(sidecar).chain(rules).collect() }
}

fn undeclared(key: &InboundKey) -> Cluster {
    let mut cluster = passthrough(name::INBOUND_PASSTHROUGH, &key.mesh);
    // The name that its statistics have in the contract, shared with the outbound one.
    cluster.alt_stat_name = format!("{};", name::PASSTHROUGH);
    cluster.upstream_bind_config = envoy::bind(&sources(key.http));
    cluster
}

/// "Circuit breakers are set at the receiver's end too, so that it has the capacity that clients are promised."
fn pool_of(rule: Option<&DestinationRule>, port: u16) -> Option<&ConnectionPool> {
    rule.and_then(|rule| Policy::of_level(&rule.policy, port).pool)
}

/// Whether redirection would take the connection for one from the workload, and loop.
fn needs_own_source(key: &InboundKey, port: &InboundPort) -> bool {
    let looped = match &port.address {
        Some((Address::Ip(ip), _)) => !ip.is_loopback(),
        Some(_) => false,
        None => true,
    };
    looped && key.interception != Interception::None
}

fn sources(proxy: HttpProxy) -> Vec<IpAddr> {
    match (proxy.ipv4, proxy.ipv6) {
        (true, true) => vec![OWN_SOURCE_V4, OWN_SOURCE_V6],
        (false, true) => vec![OWN_SOURCE_V6],
        _ => vec![OWN_SOURCE_V4],
    }
}
