//! ProxyConfig: settings of proxies that are read when they start.

use std::collections::BTreeMap;

use crate::selector::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of proxies that are read when they start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace, or of the mesh in the root namespace.
    pub selector: Option<LabelSelector>,
    /// Worker threads; 0 means one a core. Default: by the CPU limit.
    pub concurrency: Option<i32>,
    /// Further environment variables of the proxy.
    pub environment_variables: BTreeMap<String, String>,
    /// Which image the proxy runs.
    pub image: Option<Image>,
}

/// Which image a proxy runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Image {
    /// Type of the image, such as `distroless` or `debug`.
    pub image_type: String,
}
