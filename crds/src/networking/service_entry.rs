//! ServiceEntry: a service that the platform's registry does not have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::port::ServicePort;
use super::workload_entry;
use crate::selector::WorkloadSelector;

/// A service that the platform's registry does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Names of the service, exact or with a leading wildcard. From 1 to 256.
    pub hosts: Vec<String>,
    /// Virtual addresses or CIDRs of the service.
    pub addresses: Vec<String>,
    /// Ports of the service.
    pub ports: Vec<ServicePort>,
    /// Whether the service is part of the mesh.
    pub location: Location,
    /// How the endpoints' addresses are found.
    pub resolution: Resolution,
    /// The endpoints. Excludes `workloadSelector`.
    pub endpoints: Vec<workload_entry::Spec>,
    /// Selects pods and WorkloadEntries of the namespace as endpoints.
    pub workload_selector: Option<WorkloadSelector>,
    /// Namespaces that see the service: `.` this one, `*` all. Default: all.
    pub export_to: Vec<String>,
    /// Names of which the endpoints' certificates must carry one.
    pub subject_alt_names: Vec<String>,
}

/// Whether a service is part of the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Location {
    /// Outside: no mesh certificates.
    #[default]
    MeshExternal,
    /// Inside.
    MeshInternal,
}

/// How the endpoints' addresses are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Resolution {
    /// The address that the caller asked for.
    #[default]
    None,
    /// The addresses of the endpoints.
    Static,
    /// The endpoints' names, or the service's own, are resolved, and all answers are used.
    Dns,
    /// As DNS, but a connection uses the first answer only.
    DnsRoundRobin,
    /// The name of each request is resolved when it comes. For wildcard hosts.
    DynamicDns,
}
