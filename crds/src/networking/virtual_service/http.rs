//! Routes of HTTP requests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::{CorsPolicy, Delegate, DirectResponse, Headers, Mirror, Percent, Redirect, Retry, Rewrite};
use super::fault::Fault;
use super::matching::HttpMatch;
use crate::Duration;
use crate::networking::destination::Destination;

/// What is done with the HTTP requests that match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRoute {
    /// Name of the route, for logs and metrics.
    pub name: String,
    /// Conditions, of which one must hold. None matches every request.
    #[serde(rename = "match")]
    pub matches: Vec<HttpMatch>,
    /// Where requests go, shared by weight.
    pub route: Vec<HttpRouteDestination>,
    /// Answers with a redirect. Excludes `route`.
    pub redirect: Option<Redirect>,
    /// Answers with a fixed response. Excludes `route` and `redirect`.
    pub direct_response: Option<DirectResponse>,
    /// Leaves the requests to another VirtualService. Excludes `route` and `redirect`.
    pub delegate: Option<Delegate>,
    /// Changes the request's path or host before it is sent on.
    pub rewrite: Option<Rewrite>,
    /// Longest time for the whole request. Default: none.
    pub timeout: Option<Duration>,
    /// Which requests are tried again. Default: twice, where that is safe.
    pub retries: Option<Retry>,
    /// Delays and errors on purpose.
    pub fault: Option<Fault>,
    /// Sends a copy of requests here; the answers are thrown away.
    pub mirror: Option<Destination>,
    /// Sends copies of requests to several destinations. Excludes `mirror`.
    pub mirrors: Vec<Mirror>,
    /// Whole per cent of requests that `mirror` copies. Deprecated: use `mirrorPercentage`.
    pub mirror_percent: Option<u32>,
    /// Per cent of requests that `mirror` copies. Default: all.
    pub mirror_percentage: Option<Percent>,
    /// Which other sites' pages may call this.
    pub cors_policy: Option<CorsPolicy>,
    /// Changes of headers.
    pub headers: Option<Headers>,
}

/// A destination with its share of the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteDestination {
    /// Where the requests go. Required.
    pub destination: Option<Destination>,
    /// Share of the requests, in proportion to the sum. A single destination gets them all.
    pub weight: i32,
    /// Changes of headers for this destination.
    pub headers: Option<Headers>,
}
