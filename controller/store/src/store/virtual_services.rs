//! VirtualServices, with delegates merged in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    object::Origin,
    route::{VirtualService, VirtualServices},
};

use super::{Name, part::Issues};
use crate::{
    ingest::virtual_service::{Delegation, Rule, UnmergedVirtualService},
    merge::{delegate, limit},
};

/// All VirtualServices.
#[derive(Debug, Default)]
pub(super) struct VirtualServiceIndex {
    all: BTreeMap<Name, Arc<UnmergedVirtualService>>,
    /// Those that name a delegate, by its name: they are merged again when it changes.
    roots: BTreeMap<Name, BTreeSet<Name>>,
    /// Those that changed, came or went since the last build, by name, with what was there then.
    stale: BTreeMap<Name, Option<Arc<UnmergedVirtualService>>>,
    /// Tables that were made of something else.
    others: BTreeMap<Origin, Arc<VirtualService>>,
    /// Those of them that changed, came or went since the last build.
    stale_others: BTreeSet<Origin>,
    /// What merging found, by root.
    pub(super) issues: Issues<Name>,
}

impl VirtualServiceIndex {
    /// Sets one, or takes it away. An equal one keeps its pointer.
    pub(super) fn set(&mut self, name: Name, value: Option<UnmergedVirtualService>) {
        let old = self.all.get(&name).cloned();
        if old.as_deref() == value.as_ref() {
            return;
        }
        match value {
            Some(value) => _ = self.all.insert(name.clone(), Arc::new(value)),
            None => _ = self.all.remove(&name),
        }
        self.stale.entry(name).or_insert(old);
    }

    /// The VirtualServices, the oldest first. Only what changed is merged again, and what names it as a delegate.
    pub(super) fn build(&mut self, old: &Arc<VirtualServices>) -> Arc<VirtualServices> {
        let (stale, others) = (std::mem::take(&mut self.stale), std::mem::take(&mut self.stale_others));
        if stale.is_empty() && others.is_empty() {
            return old.clone();
        }
        let mut due: BTreeSet<&Name> = stale.keys().collect();
        for (name, was) in &stale {
            for delegate in was.iter().flat_map(|was| delegates(was)) {
                self.forget_root(&delegate, name);
            }
            for delegate in self.all.get(name).into_iter().flat_map(|is| delegates(is)).collect::<Vec<_>>() {
                self.roots.entry(delegate).or_default().insert(name.clone());
            }
        }
        let roots: Vec<Name> = stale.keys().filter_map(|name| self.roots.get(name)).flatten().cloned().collect();
        due.extend(&roots);
        let mut virtual_services = (**old).clone();
        for name in due {
            let was = stale.get(name).map_or_else(|| self.all.get(name).cloned(), Clone::clone);
            let was = was.map(|was| was.virtual_service.reach.origin.clone());
            self.replace(name, was.as_ref(), old, &mut virtual_services);
        }
        for origin in others {
            match self.others.get(&origin) {
                Some(virtual_service) => {
                    virtual_services.insert(origin.clone(), shared(virtual_service, old.get(&origin)));
                }
                None => virtual_services.remove(&origin),
            }
        }
        if virtual_services.differing(old, Arc::ptr_eq).is_empty() { old.clone() } else { Arc::new(virtual_services) }
    }

    fn forget_root(&mut self, delegate: &Name, root: &Name) {
        if let Some(roots) = self.roots.get_mut(delegate) {
            roots.remove(root);
            if roots.is_empty() {
                self.roots.remove(delegate);
            }
        }
    }

    /// Puts the VirtualService of one in the place of the one that it had before; `was` says where that is.
    fn replace(
        &mut self,
        name: &Name,
        was: Option<&Origin>,
        old: &VirtualServices,
        virtual_services: &mut VirtualServices,
    ) {
        let virtual_service = self.virtual_service(name);
        if let Some(was) = was
            .filter(|was| virtual_service.as_ref().is_none_or(|virtual_service| virtual_service.reach.origin != **was))
        {
            virtual_services.remove(was);
        }
        if let Some(virtual_service) = virtual_service
            && virtual_services.get(&virtual_service.reach.origin) != Some(&virtual_service)
        {
            let old = old.get(&virtual_service.reach.origin);
            virtual_services.insert(virtual_service.reach.origin.clone(), shared(&virtual_service, old));
        }
    }

    /// The VirtualService of one as it is now; none of a delegate.
    fn virtual_service(&mut self, name: &Name) -> Option<Arc<VirtualService>> {
        let root = self.all.get(name).filter(|one| !one.is_delegate());
        let mut found = Vec::new();
        let virtual_service = root.map(|root| {
            let merged = if root.rules.is_empty() {
                root.virtual_service.clone()
            } else {
                Arc::new(delegate::merge(root, |d| self.all.get(&of(d)).cloned(), &mut found))
            };
            limit::bounded(merged, &mut found)
        });
        self.issues.set(name.clone(), found);
        virtual_service
    }

    /// Sets the VirtualServices that are made of something else.
    pub(super) fn add(&mut self, others: &[Arc<VirtualService>]) {
        let others: BTreeMap<Origin, Arc<VirtualService>> = others
            .iter()
            .map(|virtual_service| (virtual_service.reach.origin.clone(), virtual_service.clone()))
            .collect();
        let old = std::mem::replace(&mut self.others, others);
        let differs = |(origin, virtual_service): &(&Origin, &Arc<VirtualService>)| {
            self.others.get(*origin).is_none_or(|now| !Arc::ptr_eq(now, virtual_service))
        };
        let gone = old.iter().filter(differs).map(|(origin, _)| origin);
        let come = self.others.keys().filter(|origin| !old.contains_key(*origin));
        self.stale_others.extend(gone.chain(come).cloned());
    }
}

/// A VirtualService with the reach of the revision before, where that is the same.
fn shared(fresh: &Arc<VirtualService>, old: Option<&Arc<VirtualService>>) -> Arc<VirtualService> {
    match old {
        Some(old) if !Arc::ptr_eq(&old.reach, &fresh.reach) && old.reach == fresh.reach => {
            Arc::new(VirtualService { reach: old.reach.clone(), http: fresh.http.clone() })
        }
        _ => fresh.clone(),
    }
}

/// The delegates that one names.
fn delegates(root: &UnmergedVirtualService) -> impl Iterator<Item = Name> {
    root.rules.iter().filter_map(|rule| match rule {
        Rule::Delegate(delegate) => Some(of(delegate)),
        Rule::Route(_) => None,
    })
}

fn of(delegate: &Delegation) -> Name {
    (delegate.namespace.clone(), delegate.name.clone())
}
