//! What requests offer by ALPN, said by the routes whose clusters cannot: see `listener::upstream_alpn`.

use heddle_xds_api::{
    envoy::config::route::v3::{Route, route::Action, route_action::ClusterSpecifier},
    google::protobuf::Any,
};

use super::RouteClient;
use crate::{
    cluster,
    envoy::any::any,
    listener::upstream_alpn::{self, FILTER},
    visible::Lookup,
};

/// Sets the offer of a route that needs one. Where Istio's filter is compiled in, none does.
pub(super) fn set_alpn(visible: &impl Lookup, client: &RouteClient, route: &mut Route) {
    if client.sets_alpn {
        return;
    }
    let Some(Action::Route(action)) = &mut route.action else { return };
    match &mut action.cluster_specifier {
        Some(ClusterSpecifier::Cluster(name)) => {
            if let Some(alpn) = config(visible, client, name) {
                route.typed_per_filter_config.insert(FILTER.into(), alpn);
            }
        }
        Some(ClusterSpecifier::WeightedClusters(shares)) => {
            for share in &mut shares.clusters {
                if let Some(alpn) = config(visible, client, &share.name) {
                    share.typed_per_filter_config.insert(FILTER.into(), alpn);
                }
            }
        }
        _ => {}
    }
}

fn config(visible: &impl Lookup, client: &RouteClient, cluster: &str) -> Option<Any> {
    cluster::request_alpn(visible, client.kind, cluster).map(|alpn| any(&upstream_alpn::config(alpn)))
}
