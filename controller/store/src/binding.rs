//! What objects lead to and what they select, whichever proxies are connected. The compiler finds only what matters to
//! a connected proxy, so an object that no proxy reads would otherwise count as in force.

mod destination;
mod gateway;
mod overruled;
mod selection;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{Text, issue::Issue, object::ObjectRef, snapshot::Snapshot, workload::Workload};

/// The workloads that an object selects, by the object.
pub type Selected = BTreeMap<Arc<ObjectRef>, Vec<Arc<Workload>>>;

/// What the objects of a snapshot lead to.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// References to nothing, and objects that an older object overrules. Sorted.
    pub issues: Vec<Issue>,
    /// The workloads of each object that has a selector, or that is bound to gateways only. An empty list: it selects
    /// nothing that exists.
    pub selected: Selected,
}

impl Bindings {
    /// Follows the references and the selectors of all objects.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let workloads = ByNamespace::new(snapshot);
        let mut selected = selection::selected(snapshot, &workloads);
        let mut issues = Vec::new();
        gateway::check(snapshot, &mut selected, &mut issues);
        destination::check(snapshot, &mut issues);
        overruled::check(snapshot, &workloads, &mut issues);
        issues.sort();
        issues.dedup();
        Self { issues, selected }
    }

    /// The issues that are new. Compilation finds some of them too, with a message about the connected proxy.
    pub fn beside<'a>(&'a self, known: &BTreeSet<Issue>) -> impl Iterator<Item = &'a Issue> {
        let place = |issue: &Issue| (issue.object.clone(), issue.field.clone(), issue.reason);
        let known: BTreeSet<_> = known.iter().map(place).collect();
        self.issues.iter().filter(move |issue| !known.contains(&place(issue)))
    }
}

/// The workloads of each namespace.
struct ByNamespace<'a>(BTreeMap<&'a Text, Vec<&'a Arc<Workload>>>);

impl<'a> ByNamespace<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut by_namespace: BTreeMap<&Text, Vec<&Arc<Workload>>> = BTreeMap::new();
        for workload in snapshot.workloads.iter() {
            by_namespace.entry(workload.origin.namespace()).or_default().push(workload);
        }
        Self(by_namespace)
    }

    fn of(&self, namespace: &Text) -> &[&'a Arc<Workload>] {
        self.0.get(namespace).map_or(&[], Vec::as_slice)
    }

    fn all(&self) -> impl Iterator<Item = &'a Arc<Workload>> {
        self.0.values().flatten().copied()
    }
}
