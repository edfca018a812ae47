//! What a route does with a request besides sending it on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::networking::destination::Destination;
use crate::{Duration, StringMatch};

/// A share of requests in per cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Percent {
    /// From 0 to 100, with fractions.
    pub value: f64,
}

/// Answers with a redirect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Redirect {
    /// Path to redirect to. Empty keeps the request's.
    pub uri: String,
    /// Host to redirect to. Empty keeps the request's.
    pub authority: String,
    /// Scheme to redirect to, `http` or `https`. Empty keeps the request's.
    pub scheme: String,
    /// Port to redirect to.
    pub port: Option<u32>,
    /// How the port is found if none is given.
    pub derive_port: Option<RedirectPort>,
    /// Status of the answer. Default: 301.
    pub redirect_code: u32,
    /// What replaces the prefix that was matched. Excludes `uri`.
    pub prefix_rewrite: String,
}

/// How a redirect finds its port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RedirectPort {
    /// 80 for HTTP and 443 for HTTPS.
    #[default]
    FromProtocolDefault,
    /// The port of the request.
    FromRequestPort,
}

/// Answers with a fixed response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectResponse {
    /// HTTP status, from 100 to 599. Required.
    pub status: u32,
    /// Body of the response. Default: none.
    pub body: Option<Body>,
}

/// Body of a fixed response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "DirectResponseBody", rename_all = "camelCase", default)]
pub struct Body {
    /// The body as text.
    pub string: Option<String>,
    /// The body in base64.
    pub bytes: Option<String>,
}

/// Leaves requests to another VirtualService, which has no hosts and no gateways of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Delegate {
    /// Name of the VirtualService.
    pub name: String,
    /// Namespace of the VirtualService. Default: this one.
    pub namespace: String,
}

/// Changes the request's path or host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rewrite {
    /// What replaces the path, or the prefix that was matched.
    pub uri: String,
    /// What replaces the host.
    pub authority: String,
    /// Replaces what a regular expression finds in the path. Excludes `uri`.
    pub uri_regex_rewrite: Option<RegexRewrite>,
}

/// Replaces what a regular expression finds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RegexRewrite {
    /// RE2 expression.
    #[serde(rename = "match")]
    pub pattern: String,
    /// The replacement; `\1` stands for the first capture.
    pub rewrite: String,
}

/// Which requests are tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Retry {
    /// How often a request is tried again. 0 means never.
    pub attempts: i32,
    /// Longest time for one try, at least 1 ms. Default: that of the request.
    pub per_try_timeout: Option<Duration>,
    /// Conditions, separated by commas: Envoy's names, or HTTP statuses. Default: where a retry is safe.
    pub retry_on: String,
    /// Whether retries may leave the locality.
    pub retry_remote_localities: Option<bool>,
    /// Whether a retry avoids the hosts tried before. Default: true.
    pub retry_ignore_previous_hosts: Option<bool>,
    /// Least time between tries; it grows exponentially. Default: 25ms.
    pub backoff: Option<Duration>,
}

/// Sends copies of requests to a destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Mirror {
    /// Where the copies go. Required.
    pub destination: Option<Destination>,
    /// Per cent of requests that are copied. Default: all.
    pub percentage: Option<Percent>,
}

/// Which other sites' pages may call this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsPolicy {
    /// Origins that may call, exactly. Deprecated: use `allowOrigins`.
    pub allow_origin: Vec<String>,
    /// Origins that may call.
    pub allow_origins: Vec<StringMatch>,
    /// Methods that may be called.
    pub allow_methods: Vec<String>,
    /// Headers that a request may carry.
    pub allow_headers: Vec<String>,
    /// Headers that a page may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may keep the answer to a preflight.
    pub max_age: Option<Duration>,
    /// Whether calls may carry credentials.
    pub allow_credentials: Option<bool>,
    /// What becomes of preflights from origins that do not match.
    pub unmatched_preflights: UnmatchedPreflights,
}

/// What becomes of preflights from origins that do not match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnmatchedPreflights {
    /// As FORWARD.
    #[default]
    Unspecified,
    /// They are sent on to the destination.
    Forward,
    /// They are answered, without permission.
    Ignore,
}

/// Changes of headers of requests and responses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Headers {
    /// Changes before the request is sent on.
    pub request: Option<HeaderOperations>,
    /// Changes before the response is sent back.
    pub response: Option<HeaderOperations>,
}

/// Changes of headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderOperations {
    /// Headers whose value is replaced.
    pub set: BTreeMap<String, String>,
    /// Headers that get a further value.
    pub add: BTreeMap<String, String>,
    /// Headers that are taken away.
    pub remove: Vec<String>,
}
