//! Gateway: what a proxy at the edge of the mesh listens for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::port::Port;
use super::tls::ServerTls;

/// What a proxy at the edge of the mesh listens for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Ports, with their hosts and TLS.
    pub servers: Vec<Server>,
    /// Labels of the pods that are this gateway, in every namespace.
    pub selector: BTreeMap<String, String>,
}

/// A port with its hosts and TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// The port. Required.
    pub port: Option<Port>,
    /// Address, or Unix socket as `unix:///path`, to listen on. Default: every address.
    pub bind: String,
    /// Hosts that are served, as `namespace/name`, each part perhaps `*`; `.` is this namespace. Required.
    pub hosts: Vec<String>,
    /// How TLS is accepted. Default: none.
    pub tls: Option<ServerTls>,
    /// Where connections go by default. It has no effect on gateways.
    pub default_endpoint: String,
    /// Name of the server, unique among all servers of the gateway.
    pub name: String,
}
