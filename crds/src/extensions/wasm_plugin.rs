//! WasmPlugin: a WebAssembly module that extends a proxy.

use super::wasm::{FailStrategy, PluginType, PullPolicy, TrafficSelector, VmConfig};
use crate::FreeForm;
use crate::selector::{LabelSelector, PolicyTargetRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A WebAssembly module that extends a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace, or of the mesh in the root namespace.
    pub selector: Option<LabelSelector>,
    /// The object to which this applies. Excludes `selector`. Deprecated: use `targetRefs`.
    pub target_ref: Option<PolicyTargetRef>,
    /// The objects to which this applies. Excludes `selector`.
    pub target_refs: Vec<PolicyTargetRef>,
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
    /// Where among the filters the module runs.
    pub phase: PluginPhase,
    /// Order within a phase; greater comes first. Default: 0.
    pub priority: Option<i32>,
    /// What becomes of requests when the module fails.
    pub fail_strategy: FailStrategy,
    /// The virtual machine that runs the module.
    pub vm_config: Option<VmConfig>,
    /// Traffic for which the module runs. None matches all.
    #[serde(rename = "match")]
    pub matches: Vec<TrafficSelector>,
    /// Which filter the module becomes.
    #[serde(rename = "type")]
    pub plugin_type: PluginType,
}

/// Where among the filters a module runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PluginPhase {
    /// Near the end, ahead of the router.
    #[default]
    UnspecifiedPhase,
    /// Ahead of authentication.
    Authn,
    /// Ahead of authorization.
    Authz,
    /// Ahead of metrics.
    Stats,
}
