//! Several DestinationRules of one host in one namespace.

use std::{cmp::Reverse, sync::Arc};

use heddle_model::{destination_rule::DestinationRule, issue::Issue, service::Visibility};

use crate::ingest::destination_rule::Rule;

/// Merges rules of one host, the oldest first, into the rules that clients choose from: the first that binds a client
/// counts, and one with a selector before all others.
///
/// Rules for the same clients become one: its subsets are those of all, its policy is the first that is said. Rules for
/// other clients, by `exportTo` or selector, stay apart. But a rule is merged into an older one, too, all of whose
/// clients it binds as well, as istiod does it. Of rules without a selector that one comes first which fewer namespaces
/// see, then the youngest.
pub(crate) fn merge(rules: &[Arc<Rule>], issues: &mut Vec<Issue>) -> Vec<DestinationRule> {
    let mut merged: Vec<Rule> = Vec::with_capacity(1);
    for rule in rules {
        let mut is_apart = true;
        for into in &mut merged {
            let is_same = has_same_clients(&into.rule, &rule.rule);
            if is_same || binds_clients_of(&rule.rule, &into.rule) {
                join(into, rule, is_same, issues);
            }
            is_apart &= !is_same;
        }
        if is_apart {
            merged.push((**rule).clone());
        }
    }
    let mut ranked: Vec<_> = merged.into_iter().map(|merged| merged.rule).enumerate().collect();
    ranked.sort_by_key(|(age, rule)| {
        let age = if rule.selector.is_some() { Ok(*age) } else { Err(Reverse(*age)) };
        (rule.selector.is_none(), breadth(&rule.export_to), age)
    });
    ranked.into_iter().map(|(_, rule)| rule).collect()
}

fn has_same_clients(one: &DestinationRule, other: &DestinationRule) -> bool {
    one.export_to == other.export_to && one.selector == other.selector
}

/// Whether each client that some namespaces and a selector choose for the older rule is bound by the other one, too.
fn binds_clients_of(rule: &DestinationRule, older: &DestinationRule) -> bool {
    let sees = match (&rule.export_to, &older.export_to) {
        (Visibility::Only(all), Visibility::Only(some)) => all.is_superset(some),
        _ => rule.export_to == older.export_to,
    };
    sees && (rule.selector.is_none() || rule.selector == older.selector)
}

/// How many namespaces see a rule.
fn breadth(visibility: &Visibility) -> usize {
    match visibility {
        Visibility::All => usize::MAX,
        Visibility::Only(namespaces) => namespaces.len(),
    }
}

/// What is already there is an issue only where the younger rule has no clients of its own.
fn join(into: &mut Rule, rule: &Rule, is_same: bool, issues: &mut Vec<Issue>) {
    let (object, first) = (&rule.rule.origin.object, into.rule.origin.object.clone());
    for subset in &rule.rule.subsets {
        if into.rule.subset(&subset.name).is_none() {
            into.rule.subsets.push(subset.clone());
        } else if is_same {
            let message = format!("subset {} is defined by {first} already; that one is taken", subset.name);
            issues.push(Issue::error(object, subset.field.clone(), "DuplicateSubset", message));
        }
    }
    if rule.has_policy && !into.has_policy {
        into.rule.policy = rule.rule.policy.clone();
        into.has_policy = true;
    } else if rule.has_policy && is_same {
        let message = format!("{first} has a policy for this host already; that one is taken");
        issues.push(Issue::error(object, "spec.trafficPolicy", "DuplicatePolicy", message));
    }
    into.rule.merged.push(rule.rule.origin.clone());
}
