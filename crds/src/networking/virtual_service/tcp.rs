//! Routes of TCP and TLS connections.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::matching::{L4Match, TlsMatch};
use crate::networking::destination::Destination;

/// Where TLS connections go that match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsRoute {
    /// Conditions, of which one must hold. Required.
    #[serde(rename = "match")]
    pub matches: Vec<TlsMatch>,
    /// Where connections go, shared by weight.
    pub route: Vec<RouteDestination>,
}

/// Where TCP connections go that match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRoute {
    /// Conditions, of which one must hold. None matches every connection.
    #[serde(rename = "match")]
    pub matches: Vec<L4Match>,
    /// Where connections go, shared by weight.
    pub route: Vec<RouteDestination>,
}

/// A destination with its share of the connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteDestination {
    /// Where the connections go. Required.
    pub destination: Option<Destination>,
    /// Share of the connections, in proportion to the sum. A single destination gets them all.
    pub weight: i32,
}
