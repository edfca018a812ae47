//! How an endpoint is chosen.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, FreeForm};

/// How an endpoint is chosen. Set one of `simple`, `consistentHash` and `backendUtilization`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// A way that needs no settings.
    pub simple: Option<SimpleLb>,
    /// Requests with the same key go to the same endpoint.
    pub consistent_hash: Option<ConsistentHash>,
    /// By the load that endpoints report. It has no effect yet.
    pub backend_utilization: Option<FreeForm>,
    /// Which localities are preferred.
    pub locality_lb_setting: Option<LocalityLb>,
    /// Which zones are preferred, by their share of the endpoints.
    pub zone_aware_lb_setting: Option<ZoneAwareLb>,
    /// Time over which a new endpoint's share grows. Deprecated: use `warmup`.
    pub warmup_duration_secs: Option<Duration>,
    /// How a new endpoint's share grows.
    pub warmup: Option<Warmup>,
}

/// A way to choose an endpoint that needs no settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SimpleLb {
    /// As LEAST_REQUEST.
    #[default]
    Unspecified,
    /// Deprecated name of LEAST_REQUEST.
    LeastConn,
    /// Any endpoint.
    Random,
    /// The address that the caller asked for.
    Passthrough,
    /// Each endpoint in turn.
    RoundRobin,
    /// Of two at random, the one with fewer requests in flight.
    LeastRequest,
}

/// Requests with the same key go to the same endpoint. Set one source of the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsistentHash {
    /// The key is the value of this header.
    pub http_header_name: Option<String>,
    /// The key is the value of this cookie.
    pub http_cookie: Option<HttpCookie>,
    /// The key is the caller's address.
    pub use_source_ip: Option<bool>,
    /// The key is the value of this parameter of the query.
    pub http_query_parameter_name: Option<String>,
    /// Endpoints stand on a ring. The default.
    pub ring_hash: Option<RingHash>,
    /// Endpoints stand in a table of fixed size.
    pub maglev: Option<Maglev>,
    /// Least nodes on the ring. Deprecated: use `ringHash`.
    pub minimum_ring_size: u64,
}

/// A cookie that carries the key of a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpCookie {
    /// Name of the cookie. Required.
    pub name: String,
    /// Path of a cookie that the proxy sets.
    pub path: String,
    /// Life of a cookie that the proxy sets; 0s means for the session. Without it the proxy sets none.
    pub ttl: Option<Duration>,
    /// Further attributes of a cookie that the proxy sets.
    pub attributes: Vec<CookieAttribute>,
}

/// An attribute of a cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CookieAttribute {
    /// Name of the attribute. Required.
    pub name: String,
    /// Value of the attribute. Empty for one without a value, such as `Secure`.
    pub value: String,
}

/// Endpoints stand on a ring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RingHash {
    /// Least nodes on the ring. Default: 1024.
    pub minimum_ring_size: u64,
}

/// Endpoints stand in a table of fixed size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Maglev {
    /// Size of the table, a prime number. Default: 65537.
    pub table_size: u64,
}

/// Which localities are preferred. At most one of `distribute`, `failover` and `failoverPriority` is set,
/// but for the last two together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalityLb {
    /// Whether localities matter. Default: as the mesh configuration says.
    pub enabled: Option<bool>,
    /// Shares of the traffic by locality.
    pub distribute: Vec<Distribute>,
    /// Where traffic goes when a region is unhealthy.
    pub failover: Vec<Failover>,
    /// Labels in the order in which endpoints that share them with the caller are preferred.
    pub failover_priority: Vec<String>,
}

/// Shares of the traffic of one locality.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Distribute {
    /// Locality of the caller, as `region/zone/subzone`, with `*` for a part.
    pub from: String,
    /// Localities of endpoints with their shares in per cent, which add up to 100.
    pub to: BTreeMap<String, u32>,
}

/// Where traffic of a region goes when it is unhealthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Failover {
    /// Region of the caller.
    pub from: String,
    /// Region that takes over.
    pub to: String,
}

/// Which zones are preferred, by their share of the endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ZoneAwareLb {
    /// Whether zones matter.
    pub enabled: Option<bool>,
    /// Where traffic goes when a region is unhealthy.
    pub failover: Vec<Failover>,
    /// Labels in the order in which endpoints that share them with the caller are preferred.
    pub failover_priority: Vec<String>,
    /// Least endpoints of a cluster for which zones matter. Default: 6.
    pub min_cluster_size: Option<u32>,
}

/// How a new endpoint's share grows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Warmup {
    /// Time over which the share grows, at least 1 ms. Required.
    pub duration: Option<Duration>,
    /// Share at the beginning in per cent, from 0 to 100. Default: 10.
    pub minimum_percent: Option<f64>,
    /// How fast it grows, more than 0: 1 is linear. Default: 1.
    pub aggression: Option<f64>,
}
