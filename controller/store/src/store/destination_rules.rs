//! DestinationRules, those of one host and namespace merged.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    Text,
    destination_rule::{DestinationRule, DestinationRules},
    host::Host,
    object::Origin,
};

use super::{Name, part::Issues};
use crate::{ingest::destination_rule::Rule, merge::destination_rule};

/// All DestinationRules.
#[derive(Debug, Default)]
pub(super) struct DestinationRuleIndex {
    by_name: BTreeMap<Name, Arc<Rule>>,
    by_host: BTreeMap<Text, BTreeMap<Ranked, Group>>,
    /// Hosts whose rules changed, by namespace.
    stale: BTreeMap<Text, BTreeSet<Ranked>>,
    /// What merging found, by namespace and host.
    pub(super) issues: Issues<(Text, Host)>,
}

/// DestinationRules of one host in one namespace.
#[derive(Debug, Default)]
struct Group {
    rules: BTreeMap<Origin, Arc<Rule>>,
    merged: Vec<Arc<DestinationRule>>,
}

/// A host in order of specificity.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ranked(Host);

impl DestinationRuleIndex {
    /// Sets one, or takes it away. An equal one keeps its pointer.
    pub(super) fn set(&mut self, name: Name, value: Option<Rule>) {
        let old = self.by_name.get(&name).cloned();
        if old.as_deref() == value.as_ref() {
            return;
        }
        if let Some(old) = old {
            self.by_name.remove(&name);
            self.group(&old.rule).rules.remove(&old.rule.origin);
        }
        if let Some(value) = value.map(Arc::new) {
            self.group(&value.rule).rules.insert(value.rule.origin.clone(), value.clone());
            self.by_name.insert(name, value);
        }
    }

    /// The rules; namespaces without a change keep theirs.
    pub(super) fn build(&mut self, old: &Arc<DestinationRules>) -> Arc<DestinationRules> {
        let stale = std::mem::take(&mut self.stale);
        let mut changed: BTreeMap<Text, Arc<Vec<Arc<DestinationRule>>>> = BTreeMap::new();
        for (namespace, hosts) in stale {
            let differs = hosts.into_iter().fold(false, |differs, host| self.merge(&namespace, &host) | differs);
            if differs {
                let groups = self.by_host.get(&namespace).into_iter().flat_map(BTreeMap::values);
                let rules = groups.flat_map(|g| &g.merged).cloned().collect();
                changed.insert(namespace, Arc::new(rules));
            }
        }
        if changed.is_empty() {
            return old.clone();
        }
        let mut next = (**old).clone();
        for (namespace, rules) in changed {
            if rules.is_empty() {
                next.remove(&namespace);
            } else {
                next.insert(namespace, rules);
            }
        }
        Arc::new(next)
    }

    /// The group of a rule, which is about to change.
    fn group(&mut self, rule: &DestinationRule) -> &mut Group {
        let namespace = rule.origin.namespace().clone();
        let host = Ranked(rule.host.clone());
        self.stale.entry(namespace.clone()).or_default().insert(host.clone());
        self.by_host.entry(namespace).or_default().entry(host).or_default()
    }

    /// Merges one group again. Says whether that differs from before.
    fn merge(&mut self, namespace: &Text, host: &Ranked) -> bool {
        let Some(groups) = self.by_host.get_mut(namespace) else { return false };
        let Some(group) = groups.get_mut(host) else { return false };
        let rules: Vec<_> = group.rules.values().cloned().collect();
        let mut issues = Vec::new();
        let merged = destination_rule::merge(&rules, &mut issues);
        let same = group.merged.len() == merged.len() && group.merged.iter().zip(&merged).all(|(a, b)| **a == *b);
        if !same {
            let known = std::mem::take(&mut group.merged);
            let keep =
                |rule: DestinationRule| known.iter().find(|k| ***k == rule).cloned().unwrap_or_else(|| rule.into());
            group.merged = merged.into_iter().map(keep).collect();
        }
        if rules.is_empty() {
            groups.remove(host);
            if groups.is_empty() {
                self.by_host.remove(namespace);
            }
        }
        self.issues.set((namespace.clone(), host.0.clone()), issues);
        !same
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.specificity(&other.0)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
