//! EndpointSlice.

use heddle_model::Text;
use serde::Deserialize;

/// A part of a service's endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: String,
    /// Endpoints.
    pub endpoints: Vec<SliceEndpoint>,
    /// Ports of all of them.
    pub ports: Vec<SlicePort>,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SliceEndpoint {
    /// Addresses, of which the first counts.
    pub addresses: Vec<Text>,
    /// Its state.
    pub conditions: Conditions,
    /// Host name under a headless service.
    pub hostname: Option<Text>,
    /// Node.
    pub node_name: Text,
    /// Zone.
    pub zone: Text,
    /// The pod behind it.
    pub target_ref: Option<TargetRef>,
}

/// State of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Ready; unknown counts as ready.
    pub ready: Option<bool>,
    /// Serving, also while it terminates.
    pub serving: Option<bool>,
    /// Terminating.
    pub terminating: Option<bool>,
}

/// Names the object behind an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    /// Kind.
    pub kind: Text,
    /// Namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
}

/// A port of the endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SlicePort {
    /// Name of the service's port.
    pub name: Text,
    /// Number on the endpoints; none means all.
    pub port: Option<u32>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}
