//! Settings of proxies that are read when a pod gets its proxy (ProxyConfig).

use std::collections::BTreeMap;

use crate::{Text, labels::Labels, object::Origin};

/// One ProxyConfig. It is of no concern to a proxy that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySettings {
    /// The object.
    pub origin: Origin,
    /// Workloads; none: the namespace, or the mesh in the root namespace.
    pub selector: Option<Labels>,
    /// Worker threads.
    pub concurrency: Option<u32>,
    /// Further environment variables.
    pub environment: BTreeMap<Text, Text>,
    /// Type of the image; empty: as the mesh says.
    pub image_type: Text,
}
