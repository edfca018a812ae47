//! What the trees of permissions and of principals have in common.

use heddle_xds_api::envoy::config::rbac::v3::{
    Permission, Principal,
    permission::{self, Rule},
    principal::{self, Identifier},
};

/// A node of a tree of conditions.
pub(super) trait Node: Sized {
    /// Matches everything.
    fn any() -> Self;
    /// Matches what all of these match.
    fn all_of(nodes: Vec<Self>) -> Self;
    /// Matches what one of these matches.
    fn one_of(nodes: Vec<Self>) -> Self;
    /// Matches what this does not match.
    fn not(node: Self) -> Self;
}

impl Node for Permission {
    fn any() -> Self {
        Self { rule: Some(Rule::Any(true)) }
    }

    fn all_of(rules: Vec<Self>) -> Self {
        Self { rule: Some(Rule::AndRules(permission::Set { rules })) }
    }

    fn one_of(rules: Vec<Self>) -> Self {
        Self { rule: Some(Rule::OrRules(permission::Set { rules })) }
    }

    fn not(node: Self) -> Self {
        Self { rule: Some(Rule::NotRule(Box::new(node))) }
    }
}

impl Node for Principal {
    fn any() -> Self {
        Self { identifier: Some(Identifier::Any(true)) }
    }

    fn all_of(ids: Vec<Self>) -> Self {
        Self { identifier: Some(Identifier::AndIds(principal::Set { ids })) }
    }

    fn one_of(ids: Vec<Self>) -> Self {
        Self { identifier: Some(Identifier::OrIds(principal::Set { ids })) }
    }

    fn not(node: Self) -> Self {
        Self { identifier: Some(Identifier::NotId(Box::new(node))) }
    }
}
