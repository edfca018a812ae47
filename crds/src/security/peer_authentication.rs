//! PeerAuthentication: whether a workload accepts connections without mutual TLS.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::selector::LabelSelector;

/// Whether workloads accept connections without mutual TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace, or of the mesh in the root namespace.
    pub selector: Option<LabelSelector>,
    /// What holds for all ports. Default: as the namespace's or the mesh's policy says.
    pub mtls: Option<MutualTls>,
    /// What holds for single ports of the workload. Needs a selector.
    pub port_level_mtls: BTreeMap<u32, MutualTls>,
}

/// Whether connections must use mutual TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MutualTls {
    /// The mode.
    pub mode: MutualTlsMode,
}

/// Whether connections must use mutual TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MutualTlsMode {
    /// As the wider policy says; PERMISSIVE if there is none.
    #[default]
    Unset,
    /// They must not.
    Disable,
    /// They may.
    Permissive,
    /// They must.
    Strict,
}
