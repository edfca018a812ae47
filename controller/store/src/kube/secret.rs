//! Secret and ConfigMap. Of a Secret only the keys that TLS needs are kept, and they never print.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer};

/// The keys of certificates, of which the first of each pair wins.
const TLS_KEYS: [&str; 9] =
    ["cert", "key", "cacert", "crl", "tls.crt", "tls.key", "ca.crt", "ca.crl", "tls.ocsp-staple"];
/// The keys of a ConfigMap that are read.
const MAP_KEYS: [&str; 4] = ["mesh", "meshNetworks", "ca.crt", "cacert"];

/// A Secret.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Values in base64.
    #[serde(deserialize_with = "tls_keys")]
    pub data: BTreeMap<String, String>,
    /// Values as text, which win.
    #[serde(deserialize_with = "tls_keys")]
    pub string_data: BTreeMap<String, String>,
}

/// A ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigMap {
    /// Values.
    #[serde(deserialize_with = "map_keys")]
    pub data: BTreeMap<String, String>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("keys", &self.data.keys()).finish_non_exhaustive()
    }
}

fn tls_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    kept(deserializer, &TLS_KEYS)
}

fn map_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    kept(deserializer, &MAP_KEYS)
}

fn kept<'de, D: Deserializer<'de>>(deserializer: D, keys: &[&str]) -> Result<BTreeMap<String, String>, D::Error> {
    let mut all = BTreeMap::<String, String>::deserialize(deserializer)?;
    all.retain(|key, _| keys.contains(&key.as_str()));
    Ok(all)
}
