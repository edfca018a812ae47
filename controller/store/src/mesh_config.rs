//! MeshConfig in the ConfigMap `istio`, under the key `mesh`.

use heddle_crds::{Decoded, decode::decode_at, mesh::MeshConfig};
use heddle_yaml::{Budget, Schema};

use crate::kube::ConfigMap;

/// Where a ConfigMap has the settings.
pub const IN_MAP: &str = "data.mesh";

/// Reads the settings in a ConfigMap, or says why they cannot be; none where it has none.
#[must_use]
pub fn of_map(map: &ConfigMap) -> Option<Result<Decoded<MeshConfig>, String>> {
    let value =
        heddle_yaml::value(map.data.get("mesh")?, Schema::Core, &Budget::FILE).map_err(|error| error.to_string());
    Some(value.and_then(|value| decode_at(IN_MAP, &value).map_err(|error| error.to_string())))
}
