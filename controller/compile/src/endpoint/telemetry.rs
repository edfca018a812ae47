//! What an endpoint says of itself: who runs there, and whether a sidecar takes mutual TLS.

use heddle_model::{Text, endpoint::Endpoint, labels::Labels};
use heddle_xds_api::envoy::config::core::v3::Metadata;

use super::EndpointKey;
use crate::envoy::{
    metadata::{fields, filters, text},
    tls::{ISTIO, SOCKET_MATCH, TLS_MODE},
};

/// Name of a cluster of machines that did not say one.
const ONLY_CLUSTER: &str = "Kubernetes";

/// Metadata of an endpoint.
pub(super) fn metadata(key: &EndpointKey, endpoint: &Endpoint, mtls: bool) -> Metadata {
    let workload = fields([("workload", text(&workload(key, endpoint)))]);
    let socket = mtls.then(|| (SOCKET_MATCH, fields([(TLS_MODE, text(ISTIO))])));
    filters(std::iter::once((ISTIO, workload)).chain(socket))
}

/// `<workload>;<namespace>;<canonical service>;<canonical revision, empty when latest>;<cluster>`.
fn workload(key: &EndpointKey, endpoint: &Endpoint) -> String {
    let name = &endpoint.workload.name;
    let namespace = match &*endpoint.workload.namespace {
        "" => key.destination.service.namespace(),
        _ => &endpoint.workload.namespace,
    };
    let first = |keys: [&str; 3]| keys.into_iter().find_map(|key| said(&endpoint.labels, key));
    let service = said(&endpoint.labels, "service.istio.io/canonical-name")
        .or_else(|| first(["app.kubernetes.io/name", "app", ""]));
    let revision = first(["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"])
        .filter(|r| &***r != "latest");
    let service = service.unwrap_or(name);
    let revision = revision.map(|revision| &**revision).unwrap_or_default();
    format!("{name};{namespace};{service};{revision};{ONLY_CLUSTER}")
}

fn said<'a>(labels: &'a Labels, key: &str) -> Option<&'a Text> {
    labels.get(key).filter(|value| !value.is_empty())
}
