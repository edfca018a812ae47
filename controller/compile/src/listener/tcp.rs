//! Connections forwarded whole.

use std::{sync::Arc, time::Duration};

use heddle_model::{
    mesh::Mesh,
    object::ObjectRef,
    traffic::{Balance, HashKey, Tunnel},
};
use heddle_xds_api::envoy::{
    config::listener::v3::{Filter, filter::ConfigType},
    extensions::filters::network::{
        mongo_proxy::v3::MongoProxy,
        tcp_proxy::v3::{
            TcpProxy,
            tcp_proxy::{ClusterSpecifier, TunnelingConfig, WeightedCluster, weighted_cluster::ClusterWeight},
        },
    },
    r#type::v3::{HashPolicy, hash_policy},
};

use super::access_log::access_log;
use crate::{
    cluster::Policy,
    envoy::{any::any, duration::duration},
};

/// Name of the filter that forwards.
pub(crate) const TCP_PROXY: &str = "envoy.filters.network.tcp_proxy";

/// Where connections go, and how they are held.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Forwarding {
    /// Clusters with their shares.
    pub(crate) clusters: Vec<(String, u32)>,
    /// How the connections are held.
    pub(crate) connection: Connection,
}

/// How forwarded connections are held. They are the client's, so the clusters cannot say it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Connection {
    /// Time without bytes after which they are closed; zero: never; none: Envoy's default.
    pub(crate) idle_timeout: Option<Duration>,
    /// Time after which they are closed.
    pub(crate) max_duration: Option<Duration>,
    /// The client's address chooses the endpoint.
    pub(crate) hashes_source: bool,
    /// They go through a tunnel that the cluster opens.
    pub(crate) tunnel: Option<Tunnel>,
    /// MongoDB's messages are counted.
    pub(crate) is_mongo: bool,
    /// The objects of the rule that says so.
    pub(crate) sources: Vec<Arc<ObjectRef>>,
}

/// A network filter.
pub(crate) fn filter<M: prost::Name>(name: &str, config: &M) -> Filter {
    Filter { name: name.into(), config_type: Some(ConfigType::TypedConfig(any(config))) }
}

/// Forwards to clusters by weight.
pub(crate) fn filters(mesh: &Mesh, stat_prefix: &str, to: &Forwarding) -> Vec<Filter> {
    let connection = &to.connection;
    let by_source = hash_policy::PolicySpecifier::SourceIp(hash_policy::SourceIp {});
    let config = TcpProxy {
        stat_prefix: stat_prefix.into(),
        cluster_specifier: Some(specifier(&to.clusters)),
        access_log: access_log(mesh),
        idle_timeout: connection.idle_timeout.map(duration),
        max_downstream_connection_duration: connection.max_duration.map(duration),
        hash_policy: if connection.hashes_source {
            vec![HashPolicy { policy_specifier: Some(by_source) }]
        } else {
            Vec::new()
        },
        tunneling_config: connection.tunnel.as_ref().map(tunneling),
        ..TcpProxy::default()
    };
    let mongo = MongoProxy { stat_prefix: stat_prefix.into(), ..MongoProxy::default() };
    let mongo = connection.is_mongo.then(|| filter("envoy.filters.network.mongo_proxy", &mongo));
    mongo.into_iter().chain([filter(TCP_PROXY, &config)]).collect()
}

/// Forwards to one cluster of the same statistics name.
pub(crate) fn to(mesh: &Mesh, cluster: &str) -> Vec<Filter> {
    filters(mesh, cluster, &Forwarding::to(cluster.into()))
}

impl Forwarding {
    /// To one cluster, held as Envoy does by default.
    pub(crate) fn to(cluster: String) -> Self {
        Self { clusters: vec![(cluster, 1)], connection: Connection::default() }
    }

    /// The prefix of its statistics.
    pub(crate) fn stat_prefix(&self) -> &str {
        self.clusters.first().map(|(name, _)| name.as_str()).unwrap_or_default()
    }
}

impl Connection {
    /// As a policy says; a proxy's own idle timeout in seconds counts where the policy has none, unless it is 0.
    pub(crate) fn of(policy: &Policy<'_>, proxy_idle_seconds: u64) -> Self {
        let own = (proxy_idle_seconds > 0).then_some(Duration::from_secs(proxy_idle_seconds));
        let choice = policy.balancer.map(|balancer| &balancer.choice);
        Self {
            idle_timeout: policy.pool.and_then(|pool| pool.tcp_idle_timeout).or(own),
            max_duration: policy.pool.and_then(|pool| pool.max_connection_duration),
            hashes_source: matches!(choice, Some(Balance::Hash { key: HashKey::SourceIp, .. })),
            tunnel: policy.tunnel.cloned(),
            is_mongo: false,
            sources: Vec::new(),
        }
    }
}

fn specifier(clusters: &[(String, u32)]) -> ClusterSpecifier {
    let weight = |(name, weight): &(String, u32)| ClusterWeight {
        name: name.clone(),
        weight: *weight,
        ..ClusterWeight::default()
    };
    match clusters {
        [(only, _)] => ClusterSpecifier::Cluster(only.clone()),
        several => {
            ClusterSpecifier::WeightedClusters(WeightedCluster { clusters: several.iter().map(weight).collect() })
        }
    }
}

fn tunneling(tunnel: &Tunnel) -> TunnelingConfig {
    let host = if tunnel.host.contains(':') { format!("[{}]", tunnel.host) } else { tunnel.host.to_string() };
    TunnelingConfig {
        hostname: format!("{host}:{}", tunnel.port),
        use_post: tunnel.uses_post,
        ..TunnelingConfig::default()
    }
}
