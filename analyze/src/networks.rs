//! The networks of a mesh, as the control plane's ConfigMap has them under `meshNetworks`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The networks by their names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MeshNetworks {
    /// The networks.
    pub(crate) networks: BTreeMap<String, Network>,
}

/// One network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Network {
    /// What belongs to it.
    pub(crate) endpoints: Vec<NetworkEndpoints>,
}

/// A part of a network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NetworkEndpoints {
    /// The service registry whose endpoints belong to the network.
    #[serde(alias = "from_registry")]
    pub(crate) from_registry: Option<String>,
}

impl MeshNetworks {
    /// Reads the networks.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() {
            return Ok(Self::default());
        }
        Self::deserialize(value).map_err(|error| error.to_string())
    }
}
