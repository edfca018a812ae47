//! Several DestinationRules of one host in one namespace.

use std::sync::Arc;

use heddle_model::{destination_rule::DestinationRule, issue::Issue};

use crate::ingest::destination_rule::Rule;

/// Merges rules of one host, the oldest first. Rules for the same callers become one: its subsets are those of all, its
/// policy is the first that is said. Rules for other callers, by `exportTo` or selector, stay apart.
pub(crate) fn merge(rules: &[Arc<Rule>], issues: &mut Vec<Issue>) -> Vec<DestinationRule> {
    let mut merged: Vec<Rule> = Vec::with_capacity(1);
    for rule in rules {
        let same = |m: &&mut Rule| m.rule.export_to == rule.rule.export_to && m.rule.selector == rule.rule.selector;
        match merged.iter_mut().find(same) {
            Some(into) => join(into, rule, issues),
            None => merged.push((**rule).clone()),
        }
    }
    merged.into_iter().map(|m| m.rule).collect()
}

fn join(into: &mut Rule, rule: &Rule, issues: &mut Vec<Issue>) {
    let (object, first) = (&rule.rule.origin.object, into.rule.origin.object.clone());
    for subset in &rule.rule.subsets {
        if into.rule.subset(&subset.name).is_some() {
            let message = format!("subset {} is defined by {first} already; that one is taken", subset.name);
            issues.push(Issue::error(object, subset.field.clone(), "DuplicateSubset", message));
        } else {
            into.rule.subsets.push(subset.clone());
        }
    }
    if rule.has_policy {
        if into.has_policy {
            let message = format!("{first} has a policy for this host already; that one is taken");
            issues.push(Issue::error(object, "spec.trafficPolicy", "DuplicatePolicy", message));
        } else {
            into.rule.policy = rule.rule.policy.clone();
            into.has_policy = true;
        }
    }
    into.rule.merged.push(rule.rule.origin.clone());
}
