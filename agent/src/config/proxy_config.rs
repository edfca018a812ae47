//! The fields of ProxyConfig that the agent uses, with the names of protobuf's JSON. Other fields are passed on in the
//! metadata of the Node.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::duration::duration;

/// ProxyConfig. A missing field has its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ProxyConfig {
    /// Folder for the bootstrap file.
    pub(crate) config_path: Option<PathBuf>,
    /// The program file of Envoy.
    pub(crate) binary_path: Option<PathBuf>,
    /// The `host:port` of the control plane.
    pub(crate) discovery_address: Option<String>,
    /// The number of Envoy's worker threads. 0 is one for each processor.
    pub(crate) concurrency: Option<u32>,
    /// Port of Envoy's admin interface.
    pub(crate) proxy_admin_port: Option<u16>,
    /// Port of the agent's pages.
    pub(crate) status_port: Option<u16>,
    /// How long Envoy drains a replaced listener.
    #[serde(deserialize_with = "optional_duration")]
    pub(crate) drain_duration: Option<Duration>,
    /// How long connections may continue after SIGTERM.
    #[serde(deserialize_with = "optional_duration")]
    pub(crate) termination_drain_duration: Option<Duration>,
    /// More runtime settings of Envoy.
    pub(crate) runtime_values: BTreeMap<String, String>,
    /// More statistics that Envoy keeps.
    pub(crate) proxy_stats_matcher: StatsMatcher,
    /// Environment variables of the agent. The Node's metadata takes those that begin with `ISTIO_META_`.
    pub(crate) proxy_metadata: BTreeMap<String, String>,
}

/// The statistics that Envoy keeps in addition.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StatsMatcher {
    /// By a prefix of the name.
    #[serde(rename = "inclusionPrefixes")]
    pub(crate) prefixes: Vec<String>,
    /// By a suffix of the name.
    #[serde(rename = "inclusionSuffixes")]
    pub(crate) suffixes: Vec<String>,
    /// By a regular expression that matches the whole name.
    #[serde(rename = "inclusionRegexps")]
    pub(crate) regexes: Vec<String>,
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    duration(&text).map(Some).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a duration such as 45s")))
}
