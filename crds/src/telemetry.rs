//! Telemetry: metrics, traces and access logs of proxies.

pub mod metrics;
pub mod tracing;

pub use metrics::{Metric, MetricSelector, Metrics, MetricsOverride, TagOperation, TagOverride};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use tracing::{CustomTag, CustomTagEnvironment, CustomTagHeader, CustomTagValue, Tracing, TracingSelector};

use crate::selector::{LabelSelector, PolicyTargetRef};

/// Metrics, traces and access logs of proxies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace, or of the mesh in the root namespace.
    pub selector: Option<LabelSelector>,
    /// The object to which this applies. Excludes `selector`. Deprecated: use `targetRefs`.
    pub target_ref: Option<PolicyTargetRef>,
    /// The objects to which this applies. Excludes `selector`.
    pub target_refs: Vec<PolicyTargetRef>,
    /// Traces. One entry is supported.
    pub tracing: Vec<Tracing>,
    /// Metrics.
    pub metrics: Vec<Metrics>,
    /// Access logs.
    pub access_logging: Vec<AccessLogging>,
}

/// A backend that takes what proxies report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderRef {
    /// Name of an extension provider of the mesh configuration. Required.
    pub name: String,
}

/// On which side of a call a setting holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkloadMode {
    /// On both.
    #[default]
    ClientAndServer,
    /// Where the workload calls; at gateways too.
    Client,
    /// Where the workload is called.
    Server,
}

/// Access logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessLogging {
    /// Where this holds.
    #[serde(rename = "match")]
    pub matches: Option<LogSelector>,
    /// Backends that take the logs.
    pub providers: Vec<ProviderRef>,
    /// Whether nothing is logged.
    pub disabled: Option<bool>,
    /// Which calls are logged. Default: all.
    pub filter: Option<LogFilter>,
}

/// Where access logs are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LogSelector {
    /// On which side of a call.
    pub mode: WorkloadMode,
}

/// Which calls are logged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LogFilter {
    /// CEL expression over Envoy's attributes.
    pub expression: String,
}
