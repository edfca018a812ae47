//! AuthorizationPolicy: who may call what.

use crate::selector::{LabelSelector, PolicyTargetRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may call what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace, or of the mesh in the root namespace.
    pub selector: Option<LabelSelector>,
    /// The object to which this applies. Excludes `selector`. Deprecated: use `targetRefs`.
    pub target_ref: Option<PolicyTargetRef>,
    /// The objects to which this applies. Excludes `selector`.
    pub target_refs: Vec<PolicyTargetRef>,
    /// Conditions, of which one must hold. None never holds; one without content always does. At most 512.
    pub rules: Vec<Rule>,
    /// What is done with the requests for which a rule holds.
    pub action: Action,
    /// Who decides, for the action CUSTOM.
    pub provider: Option<Provider>,
}

/// What is done with requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// They are let through; the others are refused.
    #[default]
    Allow,
    /// They are refused, whatever other policies say.
    Deny,
    /// They are marked for the audit log.
    Audit,
    /// The provider is asked.
    Custom,
}

/// Who decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Provider {
    /// Name of an extension provider of the mesh configuration.
    pub name: String,
}

/// Conditions on a request: one of `from`, one of `to`, and all of `when` must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// Callers, of which one must match. None matches every caller.
    pub from: Vec<From>,
    /// Operations, of which one must match. None matches every operation.
    pub to: Vec<To>,
    /// Further conditions, all of which must hold.
    pub when: Vec<Condition>,
}

/// A caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct From {
    /// Conditions on the caller. Required.
    pub source: Option<Source>,
}

/// An operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct To {
    /// Conditions on the operation. Required.
    pub operation: Option<Operation>,
}

/// Conditions on a caller. All fields must hold, and of a field's values one must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// Identities, as `trust-domain/ns/namespace/sa/account`, with a leading or trailing `*`.
    pub principals: Vec<String>,
    /// Identities that must not match.
    pub not_principals: Vec<String>,
    /// Identities of tokens, as `issuer/subject`.
    pub request_principals: Vec<String>,
    /// Identities of tokens that must not match.
    pub not_request_principals: Vec<String>,
    /// Namespaces of the caller.
    pub namespaces: Vec<String>,
    /// Namespaces that must not match.
    pub not_namespaces: Vec<String>,
    /// Service accounts, as `namespace/account` or `account`. At most 16.
    pub service_accounts: Vec<String>,
    /// Service accounts that must not match. At most 16.
    pub not_service_accounts: Vec<String>,
    /// Addresses or CIDRs of the peer.
    pub ip_blocks: Vec<String>,
    /// Addresses or CIDRs of the peer that must not match.
    pub not_ip_blocks: Vec<String>,
    /// Addresses or CIDRs of the client, as forwarding headers name it.
    pub remote_ip_blocks: Vec<String>,
    /// Addresses or CIDRs of the client that must not match.
    pub not_remote_ip_blocks: Vec<String>,
    /// Trust domains of the caller.
    pub trust_domains: Vec<String>,
    /// Trust domains that must not match.
    pub not_trust_domains: Vec<String>,
}

/// Conditions on an operation. All fields must hold, and of a field's values one must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Operation {
    /// Hosts of the request, ignoring case.
    pub hosts: Vec<String>,
    /// Hosts that must not match.
    pub not_hosts: Vec<String>,
    /// Ports of the connection.
    pub ports: Vec<String>,
    /// Ports that must not match.
    pub not_ports: Vec<String>,
    /// Methods of the request; for gRPC always POST.
    pub methods: Vec<String>,
    /// Methods that must not match.
    pub not_methods: Vec<String>,
    /// Paths of the request, with a leading or trailing `*`, or a template with `{*}` and `{**}`.
    pub paths: Vec<String>,
    /// Paths that must not match.
    pub not_paths: Vec<String>,
}

/// A condition on an attribute of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Name of the attribute, such as `request.headers[x]`. Required.
    pub key: String,
    /// Values, of which one must match.
    pub values: Vec<String>,
    /// Values that must not match.
    pub not_values: Vec<String>,
}
