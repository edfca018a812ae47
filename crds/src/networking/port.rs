//! Ports, as the networking kinds name them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A port on which a gateway or a sidecar listens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Port {
    /// Port number, from 1 to 65535. A sidecar's Unix socket has 0.
    pub number: u32,
    /// Protocol: HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, or another that Istio knows.
    pub protocol: String,
    /// Label of the port.
    pub name: String,
    /// Port on the workload. Deprecated: it has no effect.
    pub target_port: u32,
}

/// A port of a service that lives outside the platform's registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// Port number, from 1 to 65535.
    pub number: u32,
    /// Protocol: HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS, or another that Istio knows. Empty: it is detected.
    pub protocol: String,
    /// Label of the port; endpoints give their own port under this name.
    pub name: String,
    /// Port on the endpoints where it differs from the number.
    pub target_port: u32,
}

/// Names one port of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortSelector {
    /// Port number, from 1 to 65535.
    pub number: u32,
}
