//! Pod.

use heddle_model::Text;
use serde::Deserialize;

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// The part of the metadata that only pods are asked for.
    pub metadata: PodMeta,
    /// Spec.
    pub spec: PodSpec,
    /// Status.
    pub status: PodStatus,
}

/// Metadata of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodMeta {
    /// Objects that own it.
    pub owner_references: Vec<Owner>,
    /// Set when it is being deleted.
    pub deletion_timestamp: Option<String>,
}

/// An owner of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// Kind.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Whether it is the one that controls the pod.
    pub controller: bool,
}

/// Spec of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Service account.
    pub service_account_name: Text,
    /// Node.
    pub node_name: Text,
    /// Host name.
    pub hostname: Text,
    /// Headless service that names it.
    pub subdomain: Text,
    /// It shares its node's network.
    pub host_network: bool,
    /// Containers.
    pub containers: Vec<Container>,
    /// Containers that start before them; one that is always restarted runs beside them (a native sidecar).
    pub init_containers: Vec<Container>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// `Always`, or empty.
    pub restart_policy: Text,
    /// Ports.
    pub ports: Vec<ContainerPort>,
}

/// A port of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerPort {
    /// Name.
    pub name: Text,
    /// Number.
    pub container_port: u32,
}

/// Status of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: Text,
    /// Main address.
    #[serde(rename = "podIP")]
    pub pod_ip: Text,
    /// All addresses.
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<PodAddress>,
    /// Conditions.
    pub conditions: Vec<Condition>,
}

/// An address of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PodAddress {
    /// The address.
    pub ip: Text,
}

/// A condition of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// Type.
    #[serde(rename = "type")]
    pub kind: Text,
    /// `True`, `False` or `Unknown`.
    pub status: Text,
}
