//! What requests offer by ALPN, said by the routes whose clusters cannot: see `listener::upstream_alpn`.

use heddle_model::host::Host;
use heddle_xds_api::envoy::config::route::v3::{Route, route::Action, route_action::ClusterSpecifier};

use super::RouteClient;
use crate::{
    cluster,
    envoy::any::any,
    listener::upstream_alpn::{self, FILTER},
    visible::Lookup,
};

/// Sets the offer of the routes that need one. Where Istio's filter is compiled in, none does.
pub(super) fn set_alpn<'h, 'r>(
    visible: &impl Lookup,
    client: &RouteClient,
    hosts: impl IntoIterator<Item = &'h Host>,
    routes: impl IntoIterator<Item = &'r mut Route>,
) {
    if client.sets_alpn {
        return;
    }
    let by_cluster = cluster::request_alpn(visible, client.kind, hosts);
    let config = |cluster: &str| by_cluster.get(cluster).map(|alpn| any(&upstream_alpn::config(*alpn)));
    for route in routes {
        let Some(Action::Route(action)) = &mut route.action else { continue };
        match &mut action.cluster_specifier {
            Some(ClusterSpecifier::Cluster(name)) => {
                route.typed_per_filter_config.extend(config(name).map(|alpn| (FILTER.to_owned(), alpn)));
            }
            Some(ClusterSpecifier::WeightedClusters(shares)) => {
                for share in &mut shares.clusters {
                    share.typed_per_filter_config.extend(config(&share.name).map(|alpn| (FILTER.to_owned(), alpn)));
                }
            }
            _ => {}
        }
    }
}
