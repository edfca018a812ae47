//! What requests offer by ALPN, said by the routes whose clusters cannot: see `listener::upstream_alpn`.

use heddle_xds_api::{
    envoy::config::route::v3::{Route, VirtualHost, route::Action, route_action::ClusterSpecifier},
    google::protobuf::Any,
};

use crate::{
    cluster,
    envoy::any::any,
    listener::upstream_alpn::{self, FILTER, ISTIO_FILTER},
    scope::Scope,
};

/// Sets the offer of every route that needs one. Where Istio's filter is compiled in, none does.
pub fn offer(scope: &Scope<'_>, hosts: &mut [VirtualHost]) {
    if scope.view.can.has(ISTIO_FILTER) {
        return;
    }
    hosts.iter_mut().flat_map(|host| &mut host.routes).for_each(|route| offer_of(scope, route));
}

fn offer_of(scope: &Scope<'_>, route: &mut Route) {
    let Some(Action::Route(action)) = &mut route.action else { return };
    match &mut action.cluster_specifier {
        Some(ClusterSpecifier::Cluster(name)) => {
            if let Some(offer) = config(scope, name) {
                route.typed_per_filter_config.insert(FILTER.into(), offer);
            }
        }
        Some(ClusterSpecifier::WeightedClusters(shares)) => {
            for share in &mut shares.clusters {
                if let Some(offer) = config(scope, &share.name) {
                    share.typed_per_filter_config.insert(FILTER.into(), offer);
                }
            }
        }
        _ => {}
    }
}

fn config(scope: &Scope<'_>, cluster: &str) -> Option<Any> {
    cluster::offer(scope, cluster).map(|offer| any(&upstream_alpn::config(offer)))
}
