//! TrafficExtension: a WebAssembly module or a Lua script that extends a proxy.

use super::wasm::{FailStrategy, PluginType, PullPolicy, TrafficSelector, VmConfig};
use crate::FreeForm;
use crate::selector::{LabelSelector, PolicyTargetRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A WebAssembly module or a Lua script that extends a proxy. Set one of `wasm` and `lua`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace, or of the mesh in the root namespace.
    pub selector: Option<LabelSelector>,
    /// The objects to which this applies. Excludes `selector`.
    pub target_refs: Vec<PolicyTargetRef>,
    /// Traffic for which the extension runs. None matches all.
    #[serde(rename = "match")]
    pub matches: Vec<TrafficSelector>,
    /// Where among the filters the extension runs.
    pub phase: Phase,
    /// Order within a phase; greater comes first. Default: 0.
    pub priority: Option<i32>,
    /// A WebAssembly module.
    pub wasm: Option<Wasm>,
    /// A Lua script.
    pub lua: Option<Lua>,
}

/// Where among the filters an extension runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Near the end, ahead of the router.
    #[default]
    Unspecified,
    /// Ahead of authentication.
    Authn,
    /// Ahead of authorization.
    Authz,
    /// Ahead of metrics.
    Stats,
}

/// A WebAssembly module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Wasm {
    /// Where the module is: an image (`oci://`, the default scheme), a file (`file://`) or a download. Required.
    pub url: String,
    /// SHA-256 of the module, in 64 hexadecimal digits.
    pub sha256: String,
    /// When an image is fetched.
    pub image_pull_policy: PullPolicy,
    /// Secret with which an image is fetched, of the same namespace.
    pub image_pull_secret: String,
    /// Key with which an image's signature is checked. It has no effect.
    pub verification_key: String,
    /// Configuration that is handed to the module.
    pub plugin_config: Option<FreeForm>,
    /// Name of the plugin within the module.
    pub plugin_name: String,
    /// What becomes of requests when the module fails.
    pub fail_strategy: FailStrategy,
    /// The virtual machine that runs the module.
    pub vm_config: Option<VmConfig>,
    /// Which filter the module becomes.
    #[serde(rename = "type")]
    pub plugin_type: PluginType,
}

/// A Lua script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Lua {
    /// The script, at most 64 KiB. Required.
    pub inline_code: String,
}
