//! Mirroring: copies of requests, whose answers nobody waits for.

use heddle_model::route::Mirror;
use heddle_xds_api::envoy::config::route::v3::route_action::RequestMirrorPolicy;

use crate::envoy::duration::runtime_fraction;

/// A policy that copies to a cluster. The copy keeps its host: services that route by host would refuse `-shadow`.
pub(super) fn policy(mirror: &Mirror, cluster: String) -> Option<RequestMirrorPolicy> {
    (mirror.share.0 > 0).then(|| RequestMirrorPolicy {
        cluster,
        runtime_fraction: Some(runtime_fraction(mirror.share)),
        trace_sampled: Some(false),
        disable_shadow_host_suffix_append: true,
        ..RequestMirrorPolicy::default()
    })
}
