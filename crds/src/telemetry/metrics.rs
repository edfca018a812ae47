//! Metrics.

use std::collections::BTreeMap;

use super::{ProviderRef, WorkloadMode};
use crate::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Metrics {
    /// Backends that take the metrics.
    pub providers: Vec<ProviderRef>,
    /// Changes of single metrics, in order; the last that matches wins.
    pub overrides: Vec<MetricsOverride>,
    /// Time between reports of open TCP connections. Default: 5s.
    pub reporting_interval: Option<Duration>,
}

/// A change of single metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricsOverride {
    /// Which metrics. Without it: all.
    #[serde(rename = "match")]
    pub matches: Option<MetricSelector>,
    /// Whether they are left out.
    pub disabled: Option<bool>,
    /// Changes of tags, by name.
    pub tag_overrides: BTreeMap<String, TagOverride>,
}

/// Which metrics. Set one of `metric` and `customMetric`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricSelector {
    /// A metric of the mesh.
    pub metric: Option<Metric>,
    /// A metric of the user, by name.
    pub custom_metric: Option<String>,
    /// On which side of a call.
    pub mode: WorkloadMode,
}

/// A metric of the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Metric {
    /// All of them.
    #[default]
    AllMetrics,
    /// `istio_requests_total`.
    RequestCount,
    /// `istio_request_duration_milliseconds`.
    RequestDuration,
    /// `istio_request_bytes`.
    RequestSize,
    /// `istio_response_bytes`.
    ResponseSize,
    /// `istio_tcp_connections_opened_total`.
    TcpOpenedConnections,
    /// `istio_tcp_connections_closed_total`.
    TcpClosedConnections,
    /// `istio_tcp_sent_bytes_total`.
    TcpSentBytes,
    /// `istio_tcp_received_bytes_total`.
    TcpReceivedBytes,
    /// `istio_request_messages_total`.
    GrpcRequestMessages,
    /// `istio_response_messages_total`.
    GrpcResponseMessages,
}

/// A change of a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TagOverride {
    /// What is done with the tag.
    pub operation: TagOperation,
    /// CEL expression of the tag's value. Required for UPSERT.
    pub value: String,
}

/// What is done with a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TagOperation {
    /// It is added or replaced.
    #[default]
    Upsert,
    /// It is left out.
    Remove,
}
