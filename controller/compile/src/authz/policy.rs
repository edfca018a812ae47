//! One rule as Envoy's policy: what is called, and by whom.

use heddle_model::authz::{Action, Condition, Rule, Values};
use heddle_xds_api::envoy::config::rbac::v3::{Permission, Policy, Principal};

use super::{caller, node::Node, operation, trust::TrustDomains};

/// What a port carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// Requests.
    Http,
    /// Bytes. Conditions on requests cannot be met.
    Tcp,
}

/// The policy of a rule. None where it matches nothing.
///
/// Nothing fails open. A broken rule of ALLOW matches nothing, and so does one that asks for HTTP where there is none.
/// Of any other action a broken rule matches everything, and conditions on HTTP are left out where there is none.
pub(super) fn compile(rule: &Rule, action: Action, port: Port, trust: &TrustDomains<'_>) -> Option<Policy> {
    let asks_for_http = || conditions(rule).any(|condition| condition.attribute.is_http());
    if action == Action::Allow && (rule.is_broken || port == Port::Tcp && asks_for_http()) {
        return None;
    }
    if rule.is_broken {
        return Some(Policy { permissions: vec![all(vec![])], principals: vec![all(vec![])], ..Policy::default() });
    }
    let counts = |condition: &&Condition| port == Port::Http || !condition.attribute.is_http();
    let permissions = alternatives(&rule.to).map(|one| {
        let of_rule = rule.when.iter().filter(|condition| !condition.attribute.is_of_caller());
        all(one.iter().chain(of_rule).filter(counts).flat_map(|one| nodes(one, operation::permission)).collect())
    });
    let principals = alternatives(&rule.from).map(|one| {
        let of_rule = rule.when.iter().filter(|condition| condition.attribute.is_of_caller());
        let principal = |attribute: &_, values: &_| caller::principal(attribute, values, trust);
        all(one.iter().chain(of_rule).filter(counts).flat_map(|one| nodes(one, principal)).collect())
    });
    Some(Policy { permissions: permissions.collect(), principals: principals.collect(), ..Policy::default() })
}

/// The policy that matches nothing.
pub(super) fn nothing() -> Policy {
    let (permission, principal) = (Permission::not(Permission::any()), Principal::not(Principal::any()));
    Policy { permissions: vec![permission], principals: vec![principal], ..Policy::default() }
}

fn conditions(rule: &Rule) -> impl Iterator<Item = &Condition> {
    rule.from.iter().chain(&rule.to).flatten().chain(&rule.when)
}

/// Each of a list of alternatives; one without conditions if there are none.
fn alternatives(of: &[Vec<Condition>]) -> impl Iterator<Item = &[Condition]> {
    let any: Option<&[Condition]> = of.is_empty().then_some(&[]);
    any.into_iter().chain(of.iter().map(Vec::as_slice))
}

fn all<N: Node>(nodes: Vec<N>) -> N {
    N::all_of(if nodes.is_empty() { vec![N::any()] } else { nodes })
}

/// The nodes of a condition: what must match, and what must not.
fn nodes<N: Node>(
    condition: &Condition,
    node: impl Fn(&heddle_model::authz::Attribute, &Values) -> N,
) -> impl Iterator<Item = N> {
    let Condition { attribute, values, not_values } = condition;
    let wanted = (!values.is_empty()).then(|| node(attribute, values));
    let unwanted = (!not_values.is_empty()).then(|| N::not(node(attribute, not_values)));
    wanted.into_iter().chain(unwanted)
}
