//! Connections forwarded whole.

use std::time::Duration;

use heddle_model::mesh::Mesh;
use heddle_xds_api::envoy::{
    config::listener::v3::{Filter, filter::ConfigType},
    extensions::filters::network::tcp_proxy::v3::{
        TcpProxy,
        tcp_proxy::{ClusterSpecifier, WeightedCluster, weighted_cluster::ClusterWeight},
    },
};

use super::access_log::access_log;
use crate::envoy::{any::any, duration::duration};

/// Clusters with their shares.
pub(crate) type Weighted = Vec<(String, u32)>;

/// A network filter.
pub(crate) fn filter<M: prost::Name>(name: &str, config: &M) -> Filter {
    Filter { name: name.into(), config_type: Some(ConfigType::TypedConfig(any(config))) }
}

/// Forwards to clusters by weight.
pub(crate) fn proxy(mesh: &Mesh, stat_prefix: &str, clusters: &Weighted, idle: Option<Duration>) -> Filter {
    let specifier = match clusters.as_slice() {
        [(only, _)] => ClusterSpecifier::Cluster(only.clone()),
        several => ClusterSpecifier::WeightedClusters(WeightedCluster {
            clusters: several
                .iter()
                .map(|(name, weight)| ClusterWeight { name: name.clone(), weight: *weight, ..ClusterWeight::default() })
                .collect(),
        }),
    };
    let config = TcpProxy {
        stat_prefix: stat_prefix.into(),
        cluster_specifier: Some(specifier),
        access_log: access_log(mesh),
        idle_timeout: idle.map(duration),
        ..TcpProxy::default()
    };
    filter("envoy.filters.network.tcp_proxy", &config)
}

/// Forwards to one cluster of the same statistics name.
pub(crate) fn to(mesh: &Mesh, cluster: &str) -> Filter {
    proxy(mesh, cluster, &vec![(cluster.into(), 1)], None)
}
