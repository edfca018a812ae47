//! Where traffic goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::port::PortSelector;

/// A service, or a named subset of it, that traffic is sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Destination {
    /// Name of a service in the registry. A name without dots is taken in the namespace of the rule.
    pub host: String,
    /// Name of a subset that a DestinationRule of the host defines. Empty means all of the service.
    pub subset: String,
    /// Port of the host. Needed if the host has several.
    pub port: Option<PortSelector>,
}
