//! Destination rules: policies and subsets for a host.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    Text,
    host::Host,
    labels::Labels,
    object::{ObjectRef, Origin},
    service::Visibility,
    traffic::TrafficPolicy,
};

/// One DestinationRule, or several of one host and namespace merged.
#[derive(Clone, Debug, PartialEq)]
pub struct DestinationRule {
    /// The object; the oldest where several were merged.
    pub origin: Origin,
    /// The others that were merged in.
    pub merged: Vec<Origin>,
    /// Host or wildcard, full name.
    pub host: Host,
    /// Who sees it.
    pub export_to: Visibility,
    /// Client workloads it binds; none: all.
    pub selector: Option<Labels>,
    /// Policy for all.
    pub policy: TrafficPolicy,
    /// Subsets in order.
    pub subsets: Vec<Subset>,
}

/// A named part of a service's endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    /// Name.
    pub name: Text,
    /// Path in its object, e.g. `spec.subsets[0]`.
    pub field: String,
    /// Labels that its endpoints carry.
    pub labels: Labels,
    /// Policy that overrides the rule's, field by field.
    pub policy: Option<TrafficPolicy>,
}

/// All rules, by namespace of the object and then as [`Host::specificity`] orders hosts. Namespaces without a change
/// share their list with the revision before.
pub type DestinationRules = std::collections::BTreeMap<Text, Arc<Vec<Arc<DestinationRule>>>>;

/// The rules that one revision has and the other has not, or has in another version.
pub fn differing<'a>(
    old: &'a DestinationRules,
    new: &'a DestinationRules,
) -> impl Iterator<Item = &'a Arc<DestinationRule>> {
    missing(old, new).chain(missing(new, old))
}

/// Those of one revision that the other lacks.
pub(crate) fn missing<'a>(
    of: &'a DestinationRules,
    other: &'a DestinationRules,
) -> impl Iterator<Item = &'a Arc<DestinationRule>> {
    of.iter().flat_map(move |(namespace, rules)| {
        let others = other.get(namespace);
        let shared = others.is_some_and(|others| Arc::ptr_eq(rules, others));
        let others = others.filter(|_| !shared).into_iter().flat_map(|others| others.iter());
        let known: BTreeSet<*const DestinationRule> = others.map(Arc::as_ptr).collect();
        rules.iter().filter(move |rule| !shared && !known.contains(&Arc::as_ptr(rule)))
    })
}

impl DestinationRule {
    /// A subset by name.
    #[must_use]
    pub fn subset(&self, name: &str) -> Option<&Subset> {
        self.subsets.iter().find(|s| &*s.name == name)
    }

    /// All objects that it came from.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<ObjectRef>> {
        std::iter::once(&self.origin).chain(&self.merged).map(|origin| &origin.object)
    }
}
