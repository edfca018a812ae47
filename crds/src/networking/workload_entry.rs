//! WorkloadEntry: a workload that is no pod.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A workload that is no pod, or an endpoint of a ServiceEntry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "WorkloadEntry")]
pub struct Spec {
    /// IP address, Unix socket as `unix:///path`, or host name with resolution DNS. Empty only if `network` is set.
    pub address: String,
    /// Ports by the name of the service's port, where they differ from it.
    pub ports: BTreeMap<String, u32>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Network; workloads of one network reach each other directly.
    pub network: String,
    /// Locality, as `region/zone/subzone`.
    pub locality: String,
    /// Share of the traffic among the endpoints. 0 means 1.
    pub weight: u32,
    /// Service account that the workload runs as, if it has a sidecar.
    pub service_account: String,
}
