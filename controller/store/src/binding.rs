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

use heddle_model::{
    Text,
    issue::Issue,
    object::{Kind, ObjectRef},
    route::GatewayRef,
    snapshot::Snapshot,
    workload::Workload,
};

/// The workloads that an object selects, by the object.
pub type Selected = BTreeMap<Arc<ObjectRef>, Vec<Arc<Workload>>>;

/// The reason of an issue about an object that selects nothing that exists.
pub const NO_WORKLOADS: &str = "NoWorkloads";

/// What the objects of a snapshot lead to.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// References to nothing, selectors that select nothing, and objects that an older object overrules. Sorted.
    pub issues: Vec<Issue>,
    /// The workloads of each object that has a selector, or that is bound to gateways only. An empty list: it selects
    /// nothing that exists.
    pub selected: Selected,
}

impl Bindings {
    /// Follows the references and the selectors of all objects.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        Self::within(snapshot, &Extent::All)
    }

    /// Follows those of one object. The cost is that of looking at each object once.
    #[must_use]
    pub fn of_object(snapshot: &Snapshot, object: &ObjectRef) -> Self {
        let mut bindings = Self::within(snapshot, &Extent::one(snapshot, object));
        bindings.issues.retain(|issue| *issue.object == *object);
        bindings
    }

    fn within(snapshot: &Snapshot, extent: &Extent<'_>) -> Self {
        let workloads = ByNamespace::new(snapshot);
        let mut selected = selection::selected(snapshot, &workloads, extent);
        let mut issues = Vec::new();
        gateway::check(snapshot, extent, &mut selected, &mut issues);
        destination::check(snapshot, extent, &mut issues);
        overruled::check(snapshot, &workloads, extent, &mut issues);
        issues.extend(selected.iter().filter(|(_, workloads)| workloads.is_empty()).map(|(object, _)| idle(object)));
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

/// An object that selects nothing that exists. It may be right: the workloads may come later.
fn idle(object: &Arc<ObjectRef>) -> Issue {
    let message = match object.kind {
        Kind::VirtualService => "the gateways of the object have no workloads; it takes effect when they have one",
        _ => "the object selects no workload that exists; it takes effect when there is one",
    };
    Issue::warning(object, selector_field(object.kind), NO_WORKLOADS, message)
}

/// The field that selects the workloads of an object.
fn selector_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Sidecar | Kind::DestinationRule | Kind::ServiceEntry => "spec.workloadSelector",
        Kind::VirtualService => "spec.gateways",
        _ => "spec.selector",
    }
}

/// Which objects are followed.
enum Extent<'a> {
    /// All of the snapshot.
    All,
    /// One object, and the gateways that it is bound to: its namespace and name, and theirs.
    One(&'a ObjectRef, BTreeSet<(Text, Text)>),
}

impl<'a> Extent<'a> {
    fn one(snapshot: &Snapshot, object: &'a ObjectRef) -> Self {
        let virtual_services = snapshot.virtual_services.values().map(|one| &one.reach);
        let own = virtual_services.filter(|reach| *reach.origin.object == *object);
        let gateways = own.flat_map(|reach| &reach.gateways).filter_map(|reference| match reference {
            GatewayRef::Mesh => None,
            GatewayRef::Gateway { namespace, name } => Some((namespace.clone(), name.clone())),
        });
        Self::One(object, gateways.collect())
    }

    /// Whether an object is checked.
    fn has(&self, object: &ObjectRef) -> bool {
        match self {
            Self::All => true,
            Self::One(one, _) => **one == *object,
        }
    }

    /// Whether the workloads of an object are looked for.
    fn selects(&self, object: &ObjectRef) -> bool {
        let is_bound = |gateways: &BTreeSet<(Text, Text)>| {
            object.kind == Kind::Gateway && gateways.contains(&(object.namespace.clone(), object.name.clone()))
        };
        self.has(object) || matches!(self, Self::One(_, gateways) if is_bound(gateways))
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
