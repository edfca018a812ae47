//! ProxyConfig of a mesh or a pod: `defaultConfig` of MeshConfig, the annotation `proxy.istio.io/config`, and the
//! variable
//! `PROXY_CONFIG` of the agent. The custom resource of that name is another type.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::Duration;

/// The fields that the control plane or the agent reads; whatever is missing has its default. Others are passed on in
/// the metadata of the proxy's node.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfig {
    /// Folder for the bootstrap file.
    pub config_path: Option<PathBuf>,
    /// Envoy's program file.
    pub binary_path: Option<PathBuf>,
    /// The control plane's `host:port`.
    pub discovery_address: Option<String>,
    /// Worker threads of Envoy; 0 is one a processor.
    pub concurrency: Option<u32>,
    /// Port of Envoy's admin interface.
    pub proxy_admin_port: Option<u16>,
    /// Port of the agent's own pages.
    pub status_port: Option<u16>,
    /// How long Envoy takes to drain a listener that is replaced.
    pub drain_duration: Option<Duration>,
    /// How long connections may go on after SIGTERM.
    pub termination_drain_duration: Option<Duration>,
    /// Further runtime settings of Envoy.
    pub runtime_values: BTreeMap<String, String>,
    /// Further statistics to keep.
    pub proxy_stats_matcher: StatsMatcher,
    /// Environment for the agent; the node's metadata takes its `ISTIO_META_` names.
    pub proxy_metadata: BTreeMap<String, String>,
    /// How traffic reaches the proxy: `REDIRECT`, `TPROXY` or `NONE`.
    pub interception_mode: Option<Value>,
    /// What stands in front of gateways.
    pub gateway_topology: Option<GatewayTopology>,
    /// Headers.
    pub proxy_headers: Option<ProxyHeaders>,
}

/// Which statistics are kept beside those that the mesh needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StatsMatcher {
    /// By the beginning of the name.
    #[serde(rename = "inclusionPrefixes")]
    pub prefixes: Vec<String>,
    /// By the end of the name.
    #[serde(rename = "inclusionSuffixes")]
    pub suffixes: Vec<String>,
    /// By a regular expression over the whole name.
    #[serde(rename = "inclusionRegexps")]
    pub regexes: Vec<String>,
}

/// What stands in front of gateways.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayTopology {
    /// Trusted proxies.
    pub num_trusted_proxies: u32,
    /// What is done with a client's certificate header.
    pub forward_client_cert_details: Option<String>,
    /// Whether the PROXY protocol is spoken.
    pub proxy_protocol: Option<Value>,
}

/// Headers that proxies set or keep.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyHeaders {
    /// Whether HTTP/1.1 headers keep their case.
    pub preserve_http1_header_case: Option<bool>,
}
