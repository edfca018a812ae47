//! Clusters towards the workload itself: one a port, and one for ports that nothing declares.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use heddle_model::{
    destination_rule::DestinationRule,
    endpoint::Address,
    protocol::Protocol,
    proxy::{Interception, Proxy},
    service::Service,
    sidecar::{DefaultEndpoint, Ingress, Sidecar},
    traffic::{ConnectionPool, TrafficPolicy},
};
use heddle_xds_api::envoy::config::cluster::v3::{
    Cluster,
    cluster::{CommonLbConfig, DiscoveryType, LbPolicy},
};

use super::{fixed::passthrough, pool, telemetry, traffic::Policy};
use crate::{
    compiled::Compiled,
    envoy::{cluster as envoy, duration, endpoint as envoy_endpoint},
    name,
    scope::Scope,
    view,
};

/// Sources of connections to the workload, which the redirection rules know and let pass.
const OWN_SOURCE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6));
const OWN_SOURCE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6));

/// A port of the workload.
struct OwnPort<'a> {
    /// Number in the cluster's name: what callers connect to.
    number: u16,
    protocol: Protocol,
    /// Where requests go; none: where the caller connected to.
    address: Option<(Address, u16)>,
    /// Services that lead here; the first decides.
    services: Vec<&'a Arc<Service>>,
    /// Name and number of the port in the first service.
    service_port: (&'a str, u16),
    /// Limits that the Sidecar sets.
    pool: Option<&'a ConnectionPool>,
}

/// The inbound clusters of a sidecar.
#[must_use]
pub fn inbound(scope: &Scope<'_>, proxy: &Proxy) -> Vec<Compiled<Cluster>> {
    if proxy.is_gateway() {
        return Vec::new();
    }
    let backed_services = view::backed_services(scope.snapshot, proxy);
    let by_port = by_own_port(&backed_services);
    let sidecar = scope.sidecar.as_deref();
    let declared = sidecar.map(|s| s.ingress.as_slice()).unwrap_or_default();
    let ports: Vec<OwnPort<'_>> = if !declared.is_empty() {
        declared.iter().map(|ingress| of_ingress(ingress, sidecar, proxy, &by_port)).collect()
    } else if proxy.interception == Interception::None {
        // Without redirection only an ingress listener says where to listen.
        Vec::new()
    } else {
        by_port.iter().filter_map(|(number, to)| of_services(*number, to, sidecar, scope, proxy)).collect()
    };
    let mut clusters: Vec<_> = ports.iter().map(|port| own(scope, proxy, port)).collect();
    clusters.push(Compiled::new(undeclared(scope, proxy)));
    clusters
}

/// Services and their ports by the workload's port, oldest service first.
type ByOwnPort<'a> = BTreeMap<u16, Vec<(&'a Arc<Service>, u16)>>;

fn by_own_port(backed_services: &[view::BackedService]) -> ByOwnPort<'_> {
    let mut by_port: ByOwnPort<'_> = BTreeMap::new();
    for (service, ports) in backed_services {
        for (port, own) in ports {
            by_port.entry(*own).or_default().push((service, *port));
        }
    }
    by_port
}

fn of_services<'a>(
    number: u16,
    to: &[(&'a Arc<Service>, u16)],
    sidecar: Option<&'a Sidecar>,
    scope: &Scope<'_>,
    proxy: &Proxy,
) -> Option<OwnPort<'a>> {
    let (first, port) = to.first()?;
    let port = first.port(*port).filter(|port| port.protocol != Protocol::Udp)?;
    let local = scope.snapshot.mesh.inbound_localhost.then(|| (Address::Ip(localhost(proxy)), number));
    Some(OwnPort {
        number,
        protocol: port.protocol,
        address: local,
        services: to.iter().map(|(service, _)| *service).collect(),
        service_port: (&port.name, port.number),
        pool: sidecar.and_then(|sidecar| sidecar.inbound_pool.as_ref()),
    })
}

fn of_ingress<'a>(
    ingress: &'a Ingress,
    sidecar: Option<&'a Sidecar>,
    proxy: &Proxy,
    by_port: &ByOwnPort<'a>,
) -> OwnPort<'a> {
    let services = by_port.get(&ingress.port).into_iter().flatten().map(|(service, _)| *service).take(1).collect();
    let address = match &ingress.default_endpoint {
        DefaultEndpoint::Instance if proxy.interception == Interception::None => {
            Some((Address::Ip(localhost(proxy)), ingress.port))
        }
        DefaultEndpoint::Instance => None,
        DefaultEndpoint::Address(to) => Some((Address::Ip(reachable(to.ip(), proxy)), to.port())),
        DefaultEndpoint::Uds(path) => Some((Address::Uds(path.clone()), 0)),
    };
    OwnPort {
        number: ingress.port,
        protocol: ingress.protocol,
        address,
        services,
        service_port: (&ingress.port_name, ingress.port),
        pool: ingress.pool.as_ref().or_else(|| sidecar?.inbound_pool.as_ref()),
    }
}

fn own(scope: &Scope<'_>, proxy: &Proxy, port: &OwnPort<'_>) -> Compiled<Cluster> {
    let mesh = &scope.snapshot.mesh;
    let name = name::inbound(port.number);
    let rule = port.services.first().and_then(|service| scope.rule(service));
    let mut cluster = envoy::cluster(&name, DiscoveryType::Static, mesh.connect_timeout);
    if let Some((address, number)) = &port.address {
        cluster.load_assignment = Some(envoy_endpoint::single(&name, envoy_endpoint::address(address, *number)));
    } else {
        cluster = envoy::cluster(&name, DiscoveryType::OriginalDst, mesh.connect_timeout);
        cluster.lb_policy = LbPolicy::ClusterProvided.into();
        // There is one endpoint only: to forget it would only close its connections.
        cluster.cleanup_interval = Some(duration::never());
    }
    let pool = port.pool.or_else(|| pool_of(rule, port.service_port.1));
    pool::limit(&mut cluster, mesh, pool, None);
    let follows = pool.is_some_and(|pool| pool.use_client_protocol);
    let upstream = if follows { pool::Upstream::AsClient } else { pool::declared(proxy.kind, port.protocol) };
    if let Some(http) = pool::http_options(upstream, pool) {
        envoy::http_options(&mut cluster, http);
    }
    if needs_own_source(proxy, port) {
        cluster.upstream_bind_config = envoy::bind(&sources(proxy));
    }
    cluster.common_lb_config = Some(CommonLbConfig::default());
    describe(cluster, scope, port, rule)
}

fn describe(
    mut cluster: Cluster,
    scope: &Scope<'_>,
    port: &OwnPort<'_>,
    rule: Option<&Arc<DestinationRule>>,
) -> Compiled<Cluster> {
    let limits = rule.filter(|rule| rule.policy != TrafficPolicy::default());
    let named = limits.map(|rule| &*rule.origin.object);
    cluster.metadata = telemetry::of_services(port.services.iter().map(AsRef::as_ref), named);
    if let Some(service) = port.services.first() {
        let (port_name, number) = port.service_port;
        let stat = telemetry::inbound_stat_name(&scope.snapshot.mesh, service, port_name, number, port.number);
        cluster.alt_stat_name = stat.unwrap_or(cluster.alt_stat_name);
    }
    let services = port.services.iter().map(|service| service.origin.object.clone());
    let sidecar = scope.sidecar.iter().map(|sidecar| sidecar.origin.object.clone());
    let rules = limits.iter().map(|rule| rule.origin.object.clone());
    Compiled { value: cluster, issues: Vec::new(), sources: services.chain(sidecar).chain(rules).collect() }
}

fn undeclared(scope: &Scope<'_>, proxy: &Proxy) -> Cluster {
    let mut cluster = passthrough(name::INBOUND_PASSTHROUGH, &scope.snapshot.mesh);
    // The name that its statistics have in the contract, shared with the outbound one.
    cluster.alt_stat_name = format!("{};", name::PASSTHROUGH);
    cluster.upstream_bind_config = envoy::bind(&sources(proxy));
    cluster
}

/// "Circuit breakers are set at the receiver's end too, so that it has the capacity that clients are promised."
fn pool_of(rule: Option<&Arc<DestinationRule>>, port: u16) -> Option<&ConnectionPool> {
    rule.and_then(|rule| Policy::of_level(&rule.policy, port).pool)
}

/// Whether redirection would take the connection for one from the workload, and loop.
fn needs_own_source(proxy: &Proxy, port: &OwnPort<'_>) -> bool {
    let looped = match &port.address {
        Some((Address::Ip(ip), _)) => !ip.is_loopback(),
        Some(_) => false,
        None => true,
    };
    looped && proxy.interception != Interception::None
}

fn sources(proxy: &Proxy) -> Vec<IpAddr> {
    match (proxy.ipv4(), proxy.ipv6()) {
        (true, true) => vec![OWN_SOURCE_V4, OWN_SOURCE_V6],
        (false, true) => vec![OWN_SOURCE_V6],
        _ => vec![OWN_SOURCE_V4],
    }
}

fn localhost(proxy: &Proxy) -> IpAddr {
    if proxy.ipv4() || !proxy.ipv6() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

/// A default endpoint's address as this proxy can reach it: `0.0.0.0` and `::` are the workload's own address, and a
/// loopback address is that of a family it has.
fn reachable(ip: IpAddr, proxy: &Proxy) -> IpAddr {
    if ip.is_unspecified() {
        let own = proxy.addresses.iter().find(|own| own.is_ipv4() == ip.is_ipv4()).copied();
        let loopback: IpAddr = if ip.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        return own.unwrap_or(loopback);
    }
    let has_family = if ip.is_ipv4() { proxy.ipv4() } else { proxy.ipv6() };
    if (ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST) && !has_family { localhost(proxy) } else { ip }
}
