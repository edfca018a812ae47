//! The part of an object that all kinds share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What Kubernetes keeps about an object, as far as Heddle reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// The name, unique in the kind and the namespace.
    pub name: String,
    /// The namespace; empty for kinds without one, and in files that leave it to the reader.
    pub namespace: String,
    /// Labels, by which others select the object.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// When the object was made, in RFC 3339. Older objects win conflicts.
    pub creation_timestamp: Option<String>,
    /// Counts the changes of the spec.
    pub generation: i64,
    /// Changes with each write; compared for equality only.
    pub resource_version: String,
    /// Tells an object from a later one of the same name.
    pub uid: String,
}
