//! Limits on the connections to a destination.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Duration;

/// Limits on the connections to a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectionPool {
    /// What holds for every connection.
    pub tcp: Option<TcpPool>,
    /// What holds for HTTP requests.
    pub http: Option<HttpPool>,
}

/// Limits on TCP connections, which also carry HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpPool {
    /// Most connections to a host. 0 means no limit of its own (4294967295).
    pub max_connections: i32,
    /// How long a connection may take to be made, at least 1 ms. Default: 10s.
    pub connect_timeout: Option<Duration>,
    /// Keep-alive probes of the operating system.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Age at which a connection is closed. Default: none.
    pub max_connection_duration: Option<Duration>,
    /// How long a connection may be idle. Default: 1h; 0s means for ever.
    pub idle_timeout: Option<Duration>,
}

/// Keep-alive probes of the operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpKeepalive {
    /// Probes without an answer after which the connection is dead. 0 means the system's default.
    pub probes: u32,
    /// How long a connection is idle before probes begin.
    pub time: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
}

/// Limits on HTTP requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpPool {
    /// Most requests that wait for a connection. 0 means no limit of its own (4294967295).
    pub http1_max_pending_requests: i32,
    /// Most requests at once. 0 means no limit of its own (4294967295).
    pub http2_max_requests: i32,
    /// Most requests on one connection; 1 turns keep-alive off. 0 means no limit.
    pub max_requests_per_connection: i32,
    /// Most retries at once over all hosts. 0 means no limit of its own (4294967295).
    pub max_retries: i32,
    /// How long a connection may be without a request. Default: 1h.
    pub idle_timeout: Option<Duration>,
    /// Whether HTTP/1.1 connections are upgraded to HTTP/2.
    pub h2_upgrade_policy: H2UpgradePolicy,
    /// Whether the protocol of the client is kept. Excludes an upgrade to HTTP/2.
    pub use_client_protocol: bool,
    /// Most streams at once on one HTTP/2 connection. 0 means Envoy's default.
    pub max_concurrent_streams: i32,
    /// Keep-alive probes within HTTP/2.
    pub http2_keep_alive: Option<Http2KeepAlive>,
}

/// Keep-alive probes within HTTP/2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Http2KeepAlive {
    /// Time between probes.
    pub interval: Option<Duration>,
    /// How long the answer to a probe may take.
    pub timeout: Option<Duration>,
}

/// Whether HTTP/1.1 connections are upgraded to HTTP/2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum H2UpgradePolicy {
    /// As the mesh configuration says.
    #[default]
    Default,
    /// Never.
    DoNotUpgrade,
    /// Always.
    Upgrade,
}
