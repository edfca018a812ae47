//! Clusters that lead to no service: nowhere, to the original destination, to whatever host is asked for.

use heddle_model::{
    mesh::{Mesh, OutboundMode},
    proxy::ProxyKind,
    traffic::ConnectionPool,
};
use heddle_xds_api::envoy::config::cluster::v3::{
    Cluster,
    cluster::{DiscoveryType, LbPolicy},
};

use super::{key::ClusterClient, pool};
use crate::{compiled::Compiled, envoy::cluster as envoy, name, view::ViewKey};

/// The fixed clusters of a view.
///
/// Gateways have no original destination, so they have none that passes through.
pub(crate) fn fixed(mesh: &Mesh, view: &ViewKey, outbound: OutboundMode) -> Vec<Compiled<Cluster>> {
    let mut clusters = vec![envoy::cluster(name::BLACK_HOLE, DiscoveryType::Static, mesh.connect_timeout)];
    if view.kind == ProxyKind::Sidecar {
        let mut passthrough = passthrough(name::PASSTHROUGH, mesh);
        if ClusterClient::of(view).peer_exchange {
            passthrough.filters.push(envoy::peer_exchange());
        }
        clusters.push(passthrough);
        if outbound == OutboundMode::AllowAnyDynamicDns {
            clusters.push(any_host(mesh, view));
        }
    }
    clusters.into_iter().map(Compiled::new).collect()
}

/// A cluster of the original destination.
pub(crate) fn passthrough(name: &str, mesh: &Mesh) -> Cluster {
    let mut cluster = envoy::cluster(name, DiscoveryType::OriginalDst, mesh.connect_timeout);
    cluster.lb_policy = LbPolicy::ClusterProvided.into();
    undeclared(&mut cluster, mesh);
    cluster
}

fn any_host(mesh: &Mesh, view: &ViewKey) -> Cluster {
    let mut cluster = envoy::cluster(name::DYNAMIC_DNS, DiscoveryType::Static, mesh.connect_timeout);
    let family = envoy::family(view.ipv4, view.ipv6);
    envoy::by_asked_host(&mut cluster, envoy::dns_cache(envoy::ANY_DNS_CACHE, family), true);
    undeclared(&mut cluster, mesh);
    cluster
}

fn undeclared(cluster: &mut Cluster, mesh: &Mesh) {
    pool::limit(cluster, mesh, Some(&ConnectionPool::default()), None);
    envoy::http_options(cluster, mesh, Some(envoy::undeclared()));
}
