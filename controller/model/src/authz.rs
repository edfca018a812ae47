//! Authorization: who may call what.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;

use crate::{Text, labels::Labels, object::Origin};

/// All AuthorizationPolicies by namespace, the oldest first. A namespace without a change keeps its list.
pub type AuthorizationPolicies = BTreeMap<Text, Arc<Vec<Arc<AuthorizationPolicy>>>>;

/// One AuthorizationPolicy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationPolicy {
    /// The object.
    pub origin: Origin,
    /// Workloads; none: those of the namespace, or of the mesh in the root namespace.
    pub selector: Option<Labels>,
    /// What is done with the requests that match.
    pub action: Action,
    /// Its decisions are counted and logged, and not enforced.
    pub dry_run: bool,
    /// The rules, of which one must match. With none, no request matches.
    pub rules: Vec<Rule>,
}

/// What is done with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// They are marked for the audit log.
    Audit,
    /// They are refused.
    Deny,
    /// They are let through, and all others are refused.
    Allow,
}

/// Conditions on a request: one of `from`, one of `to` and all of `when` must hold. An empty list holds always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its place in the object.
    pub index: usize,
    /// Some of its values could not be read. It must not let more pass for that.
    pub is_broken: bool,
    /// Callers: all conditions of one must hold.
    pub from: Vec<Vec<Condition>>,
    /// Operations: all conditions of one must hold.
    pub to: Vec<Vec<Condition>>,
    /// Further conditions.
    pub when: Vec<Condition>,
}

/// A condition on an attribute: one of `values` must match if there are any, and none of `not_values`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The attribute.
    pub attribute: Attribute,
    /// Values of which one must match.
    pub values: Values,
    /// Values that must not match.
    pub not_values: Values,
}

/// Values of an attribute, by their form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Of most attributes.
    Texts(Vec<TextPattern>),
    /// Of addresses.
    Networks(Vec<IpNet>),
    /// Of ports.
    Ports(Vec<u16>),
    /// Of service accounts: namespace and name.
    Accounts(Vec<(Text, Text)>),
}

impl Values {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Texts(values) => values.is_empty(),
            Self::Networks(values) => values.is_empty(),
            Self::Ports(values) => values.is_empty(),
            Self::Accounts(values) => values.is_empty(),
        }
    }
}

/// A text with an asterisk at one end at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextPattern {
    /// This text.
    Exact(Text),
    /// `text*`.
    Prefix(Text),
    /// `*text`.
    Suffix(Text),
    /// `*`: any text but none.
    Present,
}

impl TextPattern {
    /// The pattern that a text stands for. An asterisk within it stands for itself.
    #[must_use]
    pub fn of(text: &str) -> Self {
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            _ if text == "*" => Self::Present,
            (Some(rest), _) => Self::Suffix(rest.into()),
            (None, Some(rest)) => Self::Prefix(rest.into()),
            (None, None) => Self::Exact(text.into()),
        }
    }
}

/// What a condition is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// The caller's identity without `spiffe://`.
    Principal,
    /// The caller's namespace.
    Namespace,
    /// The caller's service account.
    ServiceAccount,
    /// The caller's trust domain.
    TrustDomain,
    /// The peer's address.
    SourceIp,
    /// The client's address, as forwarding headers name it.
    RemoteIp,
    /// `issuer/subject` of the token.
    RequestPrincipal,
    /// A claim of the token, by the names that lead to it. A list holds if one of its elements does.
    Claim(Vec<Text>),
    /// A header of the request.
    Header(Text),
    /// The host of the request, ignoring case.
    Host,
    /// The method of the request.
    Method,
    /// The path of the request without its query.
    Path,
    /// The port of the workload.
    DestinationPort,
    /// The address of the workload.
    DestinationIp,
    /// The name that the client's TLS asks for.
    Sni,
    /// What a filter of Envoy found out: the filter and the key.
    FilterMetadata(Text, Text),
}

impl Attribute {
    /// Whether only HTTP has it.
    #[must_use]
    pub fn is_http(&self) -> bool {
        matches!(
            self,
            Self::RequestPrincipal | Self::Claim(_) | Self::Header(_) | Self::Host | Self::Method | Self::Path
        )
    }

    /// Whether it is about the caller, not about what is called.
    #[must_use]
    pub fn is_of_caller(&self) -> bool {
        matches!(
            self,
            Self::Principal
                | Self::Namespace
                | Self::ServiceAccount
                | Self::TrustDomain
                | Self::SourceIp
                | Self::RemoteIp
                | Self::RequestPrincipal
                | Self::Claim(_)
                | Self::Header(_)
        )
    }
}
