//! Service.

use std::collections::BTreeMap;

use heddle_model::Text;
use serde::{Deserialize, Deserializer};

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Spec.
    pub spec: ServiceSpec,
}

/// Spec of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The first virtual address; `None` for a headless service.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: String,
    /// All virtual addresses.
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    /// Ports.
    pub ports: Vec<ServicePort>,
    /// Labels of the pods behind it.
    pub selector: BTreeMap<Text, Text>,
    /// The name that it stands for, of type `ExternalName`.
    pub external_name: String,
    /// Endpoints that are not ready count too.
    pub publish_not_ready_addresses: bool,
    /// `Local` or `Cluster`.
    pub internal_traffic_policy: String,
    /// `ClientIP` or `None`.
    pub session_affinity: String,
    /// Settings of it.
    pub session_affinity_config: SessionAffinityConfig,
    /// `PreferClose`, `PreferSameZone` or `PreferSameNode`.
    pub traffic_distribution: String,
}

/// A port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// Name.
    pub name: Text,
    /// Number.
    pub port: u32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Protocol of the application.
    pub app_protocol: Option<String>,
    /// Port of the pods.
    pub target_port: Option<PortName>,
}

/// Settings of session affinity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SessionAffinityConfig {
    /// By the client's address.
    #[serde(rename = "clientIP")]
    pub client_ip: SessionAffinity,
}

/// Affinity by the client's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionAffinity {
    /// How long it holds.
    pub timeout_seconds: Option<u32>,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortName {
    /// By number.
    Number(u16),
    /// By the name of a container's port.
    Name(Text),
}

impl<'de> Deserialize<'de> for PortName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let number = value.as_u64().or_else(|| value.as_str().and_then(|t| t.parse().ok()));
        match (number, value.as_str()) {
            (Some(number), _) => u16::try_from(number).map(Self::Number).map_err(serde::de::Error::custom),
            (None, Some(name)) => Ok(Self::Name(name.into())),
            (None, None) => Err(serde::de::Error::custom("expected a port's number or name")),
        }
    }
}
