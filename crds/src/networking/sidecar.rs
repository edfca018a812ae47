//! Sidecar: what a workload's proxy listens for, and what it sees of the mesh.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::connection_pool::ConnectionPool;
use super::destination::Destination;
use super::port::Port;
use super::tls::ServerTls;
use crate::selector::WorkloadSelector;

/// What a workload's proxy listens for, and what it sees of the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace that no other Sidecar selects.
    pub workload_selector: Option<WorkloadSelector>,
    /// Listeners for calls to the workload. Default: by the services that select it.
    pub ingress: Vec<Ingress>,
    /// Listeners for calls of the workload. Default: as the namespace's or the mesh's Sidecar says.
    pub egress: Vec<Egress>,
    /// Limits on connections to the workload.
    pub inbound_connection_pool: Option<ConnectionPool>,
    /// What becomes of calls to unknown hosts.
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// A listener for calls to the workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Ingress {
    /// The port. Required.
    pub port: Option<Port>,
    /// Address to listen on. Unix sockets are not allowed. Default: that of the workload.
    pub bind: String,
    /// How traffic comes to the listener.
    pub capture_mode: CaptureMode,
    /// Where the workload listens, as `127.0.0.1:PORT`, `[::1]:PORT`, `0.0.0.0:PORT`, `[::]:PORT` or `unix:///path`.
    pub default_endpoint: String,
    /// How TLS is accepted, where mutual TLS of the mesh is off. SIMPLE and MUTUAL only.
    pub tls: Option<ServerTls>,
    /// Limits on connections to the port, in place of the Sidecar's.
    pub connection_pool: Option<ConnectionPool>,
}

/// A listener for calls of the workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Egress {
    /// The port. Without it: all ports of the services that no other listener names; at most one such listener.
    pub port: Option<Port>,
    /// Address, or Unix socket as `unix:///path`, to listen on.
    pub bind: String,
    /// How traffic comes to the listener.
    pub capture_mode: CaptureMode,
    /// Services that are seen, as `namespace/name`, each part perhaps `*`; `.` is this namespace, `~` none. Required.
    pub hosts: Vec<String>,
}

/// How traffic comes to a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CaptureMode {
    /// As the mesh configuration says.
    #[default]
    Default,
    /// Traffic is redirected by the kernel.
    Iptables,
    /// The workload itself connects to the listener.
    None,
}

/// What becomes of calls to unknown hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OutboundTrafficPolicy {
    /// Whether they are let through.
    pub mode: OutboundMode,
    /// Where they go, in place of the address asked for. Not supported.
    pub egress_proxy: Option<Destination>,
}

/// Whether calls to unknown hosts are let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutboundMode {
    /// No.
    #[default]
    RegistryOnly,
    /// Yes, to the address asked for.
    AllowAny,
    /// Yes, and the names of HTTP-proxy requests are resolved when they come.
    AllowAnyDynamicDns,
}
