//! Clusters: for each port of each service a view sees, and for each subset of it, one; and those that every proxy has.

mod alpn;
mod balance;
mod destination;
mod fixed;
mod key;
pub(crate) mod pool;
pub(crate) mod telemetry;
mod tls;
mod traffic;

pub(crate) use alpn::{Alpn, request_alpn};
pub(crate) use destination::{Destination, Purpose};
pub(crate) use fixed::{fixed, passthrough};
pub(crate) use key::{ClusterClient, ClusterKey};
pub(crate) use key::{destinations, keys};
pub(crate) use traffic::Policy;

use heddle_model::{
    issue::Issue,
    proxy::ProxyKind,
    service::{Resolution, Service},
    traffic::Balance,
};
use heddle_xds_api::envoy::config::{
    cluster::v3::{
        Cluster,
        cluster::{DiscoveryType, LbPolicy},
    },
    core::v3::UpstreamHttpProtocolOptions,
    endpoint::v3::ClusterLoadAssignment,
};

use crate::{
    compiled::Compiled,
    endpoint,
    envoy::{cluster as envoy, endpoint as envoy_endpoint},
};
use tls::Security;

/// How a cluster comes by its endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discovery {
    /// Sent apart, by EDS.
    Sent,
    /// All addresses of the names in the cluster.
    Resolved,
    /// The first address of the one name in the cluster.
    ResolvedOnce,
    /// Where the client was going.
    Original,
    /// The host that the request names.
    AskedHost,
}

/// Compiles one cluster.
pub(crate) fn cluster(key: &ClusterKey) -> Compiled<Cluster> {
    let destination = &key.destination;
    let policy = destination.policy();
    let mut issues = Vec::new();
    let upstream = match destination.purpose {
        Purpose::Outbound => pool::upstream(&destination.mesh, key.client.kind, destination.port.protocol, policy.pool),
        Purpose::SniDnat => pool::declared(key.client.kind, destination.port.protocol),
    };
    let security = tls::security(key, upstream, &mut issues);
    let mut cluster = discovered(key, &security, &mut issues);
    pool::limit(&mut cluster, &destination.mesh, policy.pool, policy.retry_budget);
    cluster.outlier_detection = policy.outlier.map(balance::outlier);
    cluster.common_lb_config = Some(balance::common(destination));
    let mut http = pool::http_options(upstream, policy.pool);
    if let Security::Asked(_, by_request) = &security
        && *by_request != UpstreamHttpProtocolOptions::default()
    {
        http.get_or_insert_default().upstream_http_protocol_options = Some(by_request.clone());
    }
    envoy::http_options(&mut cluster, &destination.mesh, http);
    tls::apply(&mut cluster, key, security);
    cluster.metadata = Some(telemetry::of_destination(destination));
    if let Some(name) = telemetry::stat_name(&destination.mesh, destination) {
        cluster.alt_stat_name = name;
    }
    if key.client.peer_exchange && destination.purpose == Purpose::Outbound {
        cluster.filters.push(envoy::peer_exchange());
    }
    Compiled { value: cluster, issues, sources: destination.sources() }
}

/// How the cluster of a destination comes by its endpoints, at a client of this kind.
pub(crate) fn discovery(destination: &Destination, kind: ProxyKind) -> Discovery {
    let sidecar = kind == ProxyKind::Sidecar;
    let passthrough = destination.policy().balancer.is_some_and(|balancer| balancer.choice == Balance::Passthrough);
    match &destination.service.resolution {
        // Gateways are no original destination's redirection: they choose an endpoint.
        _ if sidecar && passthrough => Discovery::Original,
        Resolution::Passthrough if sidecar => Discovery::Original,
        Resolution::Static | Resolution::Passthrough => Discovery::Sent,
        // Names that stand for a service have no cluster of their own.
        Resolution::Dns | Resolution::Alias(_) => Discovery::Resolved,
        Resolution::DnsRoundRobin => Discovery::ResolvedOnce,
        Resolution::DynamicDns => Discovery::AskedHost,
    }
}

/// The cluster with its type, endpoints and load balancer.
fn discovered(key: &ClusterKey, security: &Security, issues: &mut Vec<Issue>) -> Cluster {
    let destination = &key.destination;
    let name = destination.name();
    let bare = |kind: DiscoveryType| envoy::cluster(&name, kind, destination.mesh.connect_timeout);
    if *security == Security::Impossible {
        return bare(DiscoveryType::Static);
    }
    let family = envoy::family(key.client.ipv4, key.client.ipv6);
    let mut cluster = match discovery(destination, key.client.kind) {
        Discovery::Original => {
            let mut cluster = bare(DiscoveryType::OriginalDst);
            cluster.lb_policy = LbPolicy::ClusterProvided.into();
            return cluster;
        }
        Discovery::AskedHost => {
            let mut cluster = bare(DiscoveryType::Static);
            let insecure = !matches!(security, Security::Asked(_, by_request) if by_request.auto_san_validation);
            envoy::by_asked_host(&mut cluster, envoy::dns_cache(envoy::ANY_DNS_CACHE, family), insecure);
            return cluster;
        }
        Discovery::Sent => {
            let mut cluster = bare(DiscoveryType::Eds);
            envoy::by_eds(&mut cluster);
            cluster
        }
        by_name @ (Discovery::Resolved | Discovery::ResolvedOnce) => {
            let load = names(key, by_name, issues);
            let kind = match by_name {
                // Envoy takes no such cluster without a name.
                _ if load.endpoints.is_empty() => return bare(DiscoveryType::Static),
                Discovery::ResolvedOnce => DiscoveryType::LogicalDns,
                _ => DiscoveryType::StrictDns,
            };
            let mut cluster = bare(kind);
            envoy::by_dns(&mut cluster, destination.mesh.dns_refresh, family);
            cluster.load_assignment = Some(load);
            cluster
        }
    };
    balance::balance(&mut cluster, destination.policy().balancer, destination, issues);
    cluster
}

/// The names that a cluster resolves, as endpoints.
fn names(key: &ClusterKey, discovery: Discovery, issues: &mut Vec<Issue>) -> ClusterLoadAssignment {
    let destination = &key.destination;
    let Some(inline) = &key.inline else { return envoy_endpoint::assignment(&destination.name(), Vec::new()) };
    let compiled = endpoint::load_assignment(inline);
    issues.extend(compiled.issues);
    let mut load = compiled.value;
    if discovery == Discovery::ResolvedOnce {
        keep_first(&mut load, &destination.service, issues);
    }
    load
}

/// "DNS_ROUND_ROBIN has at most one endpoint": Envoy takes exactly one.
fn keep_first(load: &mut ClusterLoadAssignment, service: &Service, issues: &mut Vec<Issue>) {
    let count: usize = load.endpoints.iter().map(|place| place.lb_endpoints.len()).sum();
    if count > 1 {
        let text = format!("resolution DNS_ROUND_ROBIN takes one endpoint, not {count}: the first is used");
        issues.push(Issue::error(&service.origin.object, "spec.endpoints", "TooManyEndpoints", text));
    }
    load.endpoints.truncate(1);
    for place in &mut load.endpoints {
        place.lb_endpoints.truncate(1);
        place.priority = 0;
    }
}

#[cfg(test)]
mod tests;
