//! Traces.

use std::collections::BTreeMap;

use super::{ProviderRef, WorkloadMode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Traces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tracing {
    /// Where this holds.
    #[serde(rename = "match")]
    pub matches: Option<TracingSelector>,
    /// Backends that take the traces. One is supported.
    pub providers: Vec<ProviderRef>,
    /// Per cent of calls that are traced, from 0 to 100. Default: as the mesh configuration says.
    pub random_sampling_percentage: Option<f64>,
    /// Whether nothing is reported, though trace headers are still passed on.
    pub disable_span_reporting: Option<bool>,
    /// Further tags of a span, by name.
    pub custom_tags: BTreeMap<String, CustomTag>,
    /// Whether the request's id decides if it is traced. Default: yes.
    pub use_request_id_for_trace_sampling: Option<bool>,
    /// Whether the tags of the mesh are added. Default: yes.
    pub enable_istio_tags: Option<bool>,
    /// Whether trace headers are not passed on.
    pub disable_context_propagation: Option<bool>,
}

/// Where calls are traced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TracingSelector {
    /// On which side of a call.
    pub mode: WorkloadMode,
}

/// A tag of a span. Set one of the sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomTag {
    /// A fixed value.
    pub literal: Option<CustomTagValue>,
    /// The value of an environment variable.
    pub environment: Option<CustomTagEnvironment>,
    /// The value of a request's header.
    pub header: Option<CustomTagHeader>,
    /// A format string of Envoy's access logs.
    pub formatter: Option<CustomTagValue>,
}

/// A text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomTagValue {
    /// The text. Required.
    pub value: String,
}

/// The value of an environment variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomTagEnvironment {
    /// Name of the variable. Required.
    pub name: String,
    /// Value if there is no such variable.
    pub default_value: String,
}

/// The value of a request's header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomTagHeader {
    /// Name of the header. Required.
    pub name: String,
    /// Value if there is no such header.
    pub default_value: String,
}
