//! Which workloads or objects a configuration is about.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Selects workloads by labels, as the networking kinds spell it. All labels must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSelector {
    /// Labels that a workload must carry. None selects every workload of the namespace.
    pub labels: BTreeMap<String, String>,
}

/// Selects workloads by labels, as the security and telemetry kinds spell it. All labels must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that a workload must carry. None selects every workload of the namespace.
    pub match_labels: BTreeMap<String, String>,
}

/// Names an object that a policy is attached to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyTargetRef {
    /// API group of the object, empty for the core group.
    pub group: String,
    /// Kind of the object.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Namespace of the object. Must be empty: a policy and its target share a namespace.
    pub namespace: String,
}
