//! RequestAuthentication: which tokens of callers are accepted.

use crate::Duration;
use crate::selector::{LabelSelector, PolicyTargetRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which tokens of callers are accepted. A request without a token is let through; one with a bad token is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace, or of the mesh in the root namespace.
    pub selector: Option<LabelSelector>,
    /// The object to which this applies. Excludes `selector`. Deprecated: use `targetRefs`.
    pub target_ref: Option<PolicyTargetRef>,
    /// The objects to which this applies. Excludes `selector`.
    pub target_refs: Vec<PolicyTargetRef>,
    /// Issuers of tokens.
    pub jwt_rules: Vec<JwtRule>,
}

/// An issuer of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct JwtRule {
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// Audiences of which a token must name one. Default: the service's own name.
    pub audiences: Vec<String>,
    /// URL of the issuer's keys. Default: found by OpenID discovery.
    pub jwks_uri: String,
    /// The issuer's keys themselves. Excludes `jwksUri`.
    pub jwks: String,
    /// Headers that may carry the token. Default: `Authorization: Bearer`, and the parameter `access_token`.
    pub from_headers: Vec<JwtHeader>,
    /// Parameters of the query that may carry the token.
    pub from_params: Vec<String>,
    /// Cookies that may carry the token.
    pub from_cookies: Vec<String>,
    /// Header in which the token's payload is sent on, in base64.
    pub output_payload_to_header: String,
    /// Whether the token itself is sent on.
    pub forward_original_token: bool,
    /// Headers in which claims are sent on.
    pub output_claim_to_headers: Vec<ClaimToHeader>,
    /// How long the issuer's keys may take to be fetched. Default: 5s.
    pub timeout: Option<Duration>,
    /// Claims whose text is a list, separated by spaces. At most 64.
    pub space_delimited_claims: Vec<String>,
    /// Whether a request needs a token. It has no effect yet.
    pub presence: Presence,
}

/// A header that may carry a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct JwtHeader {
    /// Name of the header. Required.
    pub name: String,
    /// What stands ahead of the token, such as `Bearer `.
    pub prefix: String,
}

/// A header in which a claim is sent on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClaimToHeader {
    /// Name of the header. Required.
    pub header: String,
    /// Name of the claim. Required.
    pub claim: String,
}

/// Whether a request needs a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Presence {
    /// No.
    #[default]
    Optional,
    /// Yes.
    Required,
}
