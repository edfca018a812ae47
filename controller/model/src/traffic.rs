//! Traffic policies: how a client balances, limits, ejects and encrypts towards a destination.

use std::{collections::BTreeMap, time::Duration};

use crate::{Text, tls::ClientTls};

/// All of a policy; what is none falls back to the level above.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrafficPolicy {
    /// Load balancing.
    pub load_balancer: Option<LoadBalancer>,
    /// Limits.
    pub pool: Option<ConnectionPool>,
    /// Outlier detection.
    pub outlier: Option<OutlierDetection>,
    /// TLS.
    pub tls: Option<ClientTls>,
    /// Settings by port; where a port has one, it replaces all of the above.
    pub ports: BTreeMap<u16, PortPolicy>,
    /// PROXY protocol towards the destination.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Budget of concurrent retries.
    pub retry_budget: Option<RetryBudget>,
    /// Tunnel for connections that are forwarded whole.
    pub tunnel: Option<Tunnel>,
}

/// The part of a policy that a port can have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PortPolicy {
    /// Load balancing.
    pub load_balancer: Option<LoadBalancer>,
    /// Limits.
    pub pool: Option<ConnectionPool>,
    /// Outlier detection.
    pub outlier: Option<OutlierDetection>,
    /// TLS.
    pub tls: Option<ClientTls>,
}

/// Load balancing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadBalancer {
    /// How an endpoint is chosen.
    pub choice: Balance,
    /// Locality settings; none: the mesh's.
    pub locality: Option<LocalityLb>,
    /// Slow start of new endpoints.
    pub warmup: Option<Warmup>,
}

/// How an endpoint is chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Balance {
    /// The default: least request.
    #[default]
    Unspecified,
    /// In turn.
    RoundRobin,
    /// The less loaded of two random ones.
    LeastRequest,
    /// Random.
    Random,
    /// The caller's original destination.
    Passthrough,
    /// By a hash of the request.
    Hash {
        /// What is hashed.
        key: HashKey,
        /// The ring or table.
        algorithm: HashAlgorithm,
    },
}

/// What a consistent hash is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// A header.
    Header(Text),
    /// A cookie, made when absent if it has a ttl.
    Cookie {
        /// Name.
        name: Text,
        /// Path.
        path: Text,
        /// Lifetime; zero: a session cookie; none: never made.
        ttl: Option<Duration>,
        /// Further attributes (name, value).
        attributes: Vec<(Text, Text)>,
    },
    /// The client's address.
    SourceIp,
    /// A query parameter.
    Query(Text),
}

/// Structure behind a consistent hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// Ketama ring with at least this many entries.
    Ring(u64),
    /// Maglev with this table size; none: Envoy's default.
    Maglev(Option<u64>),
}

/// Locality load balancing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalityLb {
    /// Switch; none: on.
    pub enabled: Option<bool>,
    /// Fixed shares by the client's locality.
    pub distribute: Vec<Distribute>,
    /// Region to fail over to, by region (from, to).
    pub failover: Vec<(Text, Text)>,
    /// Labels (`key` or `key=value`) that must agree, in order, for a higher priority.
    pub failover_priority: Vec<Text>,
}

/// Shares for clients of one locality.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribute {
    /// Client's locality; `*` parts match all.
    pub from: Text,
    /// Shares in percent by locality; together 100.
    pub to: BTreeMap<Text, u32>,
}

/// Slow start.
#[derive(Clone, Debug, PartialEq)]
pub struct Warmup {
    /// How long.
    pub duration: Duration,
    /// First share of weight in percent.
    pub minimum_percent: Option<f64>,
    /// Shape of the ramp; 1 is linear.
    pub aggression: Option<f64>,
}

/// Limits on connections and requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionPool {
    /// Connections to an endpoint at most.
    pub max_connections: Option<u32>,
    /// Connect timeout.
    pub connect_timeout: Option<Duration>,
    /// TCP keep-alive.
    pub keepalive: Option<Keepalive>,
    /// Longest life of a connection.
    pub max_connection_duration: Option<Duration>,
    /// Idle timeout of TCP connections.
    pub tcp_idle_timeout: Option<Duration>,
    /// HTTP requests waiting for a connection at most.
    pub http1_max_pending: Option<u32>,
    /// Requests in flight at most.
    pub http2_max_requests: Option<u32>,
    /// Requests on one connection at most.
    pub max_requests_per_connection: Option<u32>,
    /// Retries in flight at most.
    pub max_retries: Option<u32>,
    /// Idle timeout of HTTP connections.
    pub http_idle_timeout: Option<Duration>,
    /// Upgrade to HTTP/2.
    pub h2_upgrade: Option<H2Upgrade>,
    /// Speak upstream what the client speaks.
    pub use_client_protocol: bool,
    /// Streams on one HTTP/2 connection at most.
    pub max_concurrent_streams: Option<u32>,
    /// HTTP/2 keep-alive pings (interval, timeout).
    pub http2_keepalive: Option<(Option<Duration>, Option<Duration>)>,
}

/// TCP keep-alive; none is the system's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// Probes before the connection is dead.
    pub probes: Option<u32>,
    /// Idle time before the first.
    pub time: Option<Duration>,
    /// Time between two.
    pub interval: Option<Duration>,
}

/// Whether HTTP/1.1 requests go upstream as HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum H2Upgrade {
    /// They do not.
    Never,
    /// They do.
    Always,
}

/// Outlier detection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutlierDetection {
    /// Count failures of the connection apart from the server's.
    pub split_external_local: bool,
    /// Local failures in a row.
    pub consecutive_local: Option<u32>,
    /// 502, 503, 504 in a row; 0: off.
    pub consecutive_gateway: Option<u32>,
    /// 5xx in a row; 0: off.
    pub consecutive_5xx: Option<u32>,
    /// Time between two sweeps.
    pub interval: Option<Duration>,
    /// Shortest ejection.
    pub base_ejection: Option<Duration>,
    /// Share that may be ejected, percent.
    pub max_ejection_percent: Option<u32>,
    /// Below this share of healthy endpoints all are used, percent.
    pub min_health_percent: u32,
}

/// Version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// Text.
    V1,
    /// Binary.
    V2,
}

/// A tunnel through an HTTP proxy, which the destination is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Host that the proxy is asked for: a name or an address.
    pub host: Text,
    /// Port that the proxy is asked for.
    pub port: u16,
    /// Asked for by POST; else by CONNECT.
    pub uses_post: bool,
}

/// Budget of retries.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryBudget {
    /// Share of active requests, percent.
    pub percent: Option<f64>,
    /// Time over which requests are counted; none: those in flight.
    pub interval: Option<Duration>,
    /// Retries always allowed.
    pub min_concurrency: Option<u32>,
}
