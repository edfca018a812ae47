//! DestinationRule: how connections to a host are made, and its subsets.

pub mod load_balancer;
pub mod outlier;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use load_balancer::{
    ConsistentHash, CookieAttribute, Distribute, Failover, HttpCookie, LoadBalancer, LocalityLb, Maglev, RingHash,
    SimpleLb, Warmup, ZoneAwareLb,
};
pub use outlier::OutlierDetection;

use super::connection_pool::ConnectionPool;
use super::port::PortSelector;
use super::tls::ClientTls;
use crate::Duration;
use crate::selector::LabelSelector;

/// How connections to a host are made once its route is chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Name of a service in the registry, or a wildcard. A name without dots is in the rule's namespace. Required.
    pub host: String,
    /// What holds for all of the host's endpoints.
    pub traffic_policy: Option<TrafficPolicy>,
    /// Named groups of the host's endpoints.
    pub subsets: Vec<Subset>,
    /// Namespaces that see the rule: `.` this one, `*` all. Default: all.
    pub export_to: Vec<String>,
    /// Callers to which the rule is limited, within the rule's namespace.
    pub workload_selector: Option<LabelSelector>,
}

/// A named group of a host's endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Subset {
    /// The name by which routes choose the subset. Required.
    pub name: String,
    /// Labels that an endpoint must carry.
    pub labels: BTreeMap<String, String>,
    /// What holds for the subset; what it sets replaces the same part of the host's.
    pub traffic_policy: Option<TrafficPolicy>,
}

/// How connections are made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficPolicy {
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Limits on connections and requests.
    pub connection_pool: Option<ConnectionPool>,
    /// When failing endpoints are left out.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS to the endpoints.
    pub tls: Option<ClientTls>,
    /// What holds for single ports. What a port leaves out is the default, not the host's setting.
    pub port_level_settings: Vec<PortTrafficPolicy>,
    /// Sends connections through a proxy.
    pub tunnel: Option<Tunnel>,
    /// Sends the PROXY protocol's header ahead of each connection.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Limits retries to a share of the requests.
    pub retry_budget: Option<RetryBudget>,
}

/// How connections to one port are made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortTrafficPolicy {
    /// The port of the host. Required.
    pub port: Option<PortSelector>,
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Limits on connections and requests.
    pub connection_pool: Option<ConnectionPool>,
    /// When failing endpoints are left out.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS to the endpoints.
    pub tls: Option<ClientTls>,
}

/// Sends connections through a proxy, which the rule's host is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tunnel {
    /// CONNECT or POST. Default: CONNECT.
    pub protocol: String,
    /// Host that the proxy is asked for. Required.
    pub target_host: String,
    /// Port that the proxy is asked for. Required.
    pub target_port: u32,
}

/// Sends the PROXY protocol's header ahead of each connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyProtocol {
    /// Version of the header.
    pub version: ProxyProtocolVersion,
}

/// Version of the PROXY protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProxyProtocolVersion {
    /// The header in text.
    #[default]
    V1,
    /// The header in binary.
    V2,
}

/// Limits retries to a share of the requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryBudget {
    /// Per cent of the requests at once that may be retries, from 0 to 100. Default: 20.
    pub percent: Option<f64>,
    /// Time over which requests are counted. Default: none, only those in flight count.
    pub budget_interval: Option<Duration>,
    /// Retries at once that are always allowed. Default: 3.
    pub min_retry_concurrency: u32,
}
