//! The fields of ProxyConfig that the agent obeys, in the spelling of protobuf's JSON. Others are the control plane's, or
//! unknown, and are passed on in the node's metadata.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::duration::duration;

/// ProxyConfig; whatever is missing has its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ProxyConfig {
    /// Folder for the bootstrap file.
    pub(crate) config_path: Option<PathBuf>,
    /// Envoy's program file.
    pub(crate) binary_path: Option<PathBuf>,
    /// The control plane's `host:port`.
    pub(crate) discovery_address: Option<String>,
    /// Worker threads of Envoy; 0 is one a processor.
    pub(crate) concurrency: Option<u32>,
    /// Port of Envoy's admin interface.
    pub(crate) proxy_admin_port: Option<u16>,
    /// Port of the agent's own pages.
    pub(crate) status_port: Option<u16>,
    /// How long Envoy takes to drain a listener that is replaced.
    #[serde(deserialize_with = "optional_duration")]
    pub(crate) drain_duration: Option<Duration>,
    /// How long connections may go on after SIGTERM.
    #[serde(deserialize_with = "optional_duration")]
    pub(crate) termination_drain_duration: Option<Duration>,
    /// Further runtime settings of Envoy.
    pub(crate) runtime_values: BTreeMap<String, String>,
    /// Further statistics to keep.
    pub(crate) proxy_stats_matcher: StatsMatcher,
    /// Environment for the agent; the node's metadata takes its `ISTIO_META_` names.
    pub(crate) proxy_metadata: BTreeMap<String, String>,
}

/// Which statistics are kept beside those that the mesh needs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StatsMatcher {
    /// By the beginning of the name.
    #[serde(rename = "inclusionPrefixes")]
    pub(crate) prefixes: Vec<String>,
    /// By the end of the name.
    #[serde(rename = "inclusionSuffixes")]
    pub(crate) suffixes: Vec<String>,
    /// By a regular expression over the whole name.
    #[serde(rename = "inclusionRegexps")]
    pub(crate) regexes: Vec<String>,
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    duration(&text).map(Some).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a duration such as 45s")))
}
