//! What the kinds that extend a proxy share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
/// When an image is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// Always for the tag `latest`, else if it is not there.
    #[default]
    #[serde(rename = "UNSPECIFIED_POLICY")]
    Unspecified,
    /// If it is not there.
    IfNotPresent,
    /// Always.
    Always,
}

/// What becomes of requests when the extension fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailStrategy {
    /// They are refused.
    #[default]
    FailClose,
    /// They go on without it.
    FailOpen,
    /// The extension is loaded again, once.
    FailReload,
}

/// Which filter an extension becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PluginType {
    /// An HTTP filter.
    #[default]
    #[serde(rename = "UNSPECIFIED_PLUGIN_TYPE")]
    Unspecified,
    /// An HTTP filter.
    #[serde(rename = "HTTP")]
    Http,
    /// A network filter.
    #[serde(rename = "NETWORK")]
    Network,
}

/// The virtual machine that runs the extension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VmConfig {
    /// Environment variables. At most 256.
    pub env: Vec<EnvVar>,
}

/// An environment variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVar {
    /// Name of the variable. Required.
    pub name: String,
    /// Where its value comes from.
    pub value_from: EnvValueSource,
    /// Its value, for INLINE.
    pub value: String,
}

/// Where a variable's value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EnvValueSource {
    /// It is given here.
    #[default]
    Inline,
    /// From the proxy's variable of the same name.
    Host,
}

/// Traffic for which an extension runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficSelector {
    /// On which side of a call.
    pub mode: WorkloadMode,
    /// Ports, of which one must match. None matches every port.
    pub ports: Vec<PortNumber>,
}

/// A port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortNumber {
    /// Port number, from 1 to 65535. Required.
    pub number: u32,
}

/// On which side of a call an extension runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkloadMode {
    /// As CLIENT_AND_SERVER.
    #[default]
    Undefined,
    /// Where the workload calls; at gateways too.
    Client,
    /// Where the workload is called.
    Server,
    /// On both.
    ClientAndServer,
}
