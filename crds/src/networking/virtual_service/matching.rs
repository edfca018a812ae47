//! Which requests and connections a route is for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StringMatch;

/// Conditions on an HTTP request, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMatch {
    /// Name of the match, which is appended to the route's name in logs.
    pub name: String,
    /// Condition on the path.
    pub uri: Option<StringMatch>,
    /// Condition on the scheme, `http` or `https`.
    pub scheme: Option<StringMatch>,
    /// Condition on the method.
    pub method: Option<StringMatch>,
    /// Condition on the host header.
    pub authority: Option<StringMatch>,
    /// Conditions on headers, by lower-case name. An empty condition means that the header is present.
    pub headers: BTreeMap<String, StringMatch>,
    /// Conditions on headers that must not hold, by lower-case name.
    pub without_headers: BTreeMap<String, StringMatch>,
    /// Conditions on parameters of the query, by name.
    pub query_params: BTreeMap<String, StringMatch>,
    /// Port to which the request was sent. 0 means any.
    pub port: u32,
    /// Labels that the calling workload must carry.
    pub source_labels: BTreeMap<String, String>,
    /// Namespace in which the calling workload must be. Empty means any.
    pub source_namespace: String,
    /// Gateways to which the match is limited, in place of those of the VirtualService.
    pub gateways: Vec<String>,
    /// Whether `uri` ignores case; not for regular expressions.
    pub ignore_uri_case: bool,
    /// Prefix of the metrics of routes that come of this match.
    pub stat_prefix: String,
}

/// Conditions on a TLS connection, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsMatch {
    /// Server names, exact or with a leading wildcard, within the hosts of the VirtualService. Required.
    pub sni_hosts: Vec<String>,
    /// Addresses or CIDRs of the destination.
    pub destination_subnets: Vec<String>,
    /// Port to which the connection was made. 0 means any.
    pub port: u32,
    /// Labels that the calling workload must carry.
    pub source_labels: BTreeMap<String, String>,
    /// Namespace in which the calling workload must be. Empty means any.
    pub source_namespace: String,
    /// Gateways to which the match is limited, in place of those of the VirtualService.
    pub gateways: Vec<String>,
}

/// Conditions on a TCP connection, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct L4Match {
    /// Addresses or CIDRs of the destination.
    pub destination_subnets: Vec<String>,
    /// Port to which the connection was made. 0 means any.
    pub port: u32,
    /// Labels that the calling workload must carry.
    pub source_labels: BTreeMap<String, String>,
    /// Address or CIDR of the caller. Deprecated: it has no effect.
    pub source_subnet: String,
    /// Namespace in which the calling workload must be. Empty means any.
    pub source_namespace: String,
    /// Gateways to which the match is limited, in place of those of the VirtualService.
    pub gateways: Vec<String>,
}
