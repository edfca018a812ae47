//! VirtualServices, with delegates merged in.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{object::Origin, route::RouteTable};

use super::{
    Name,
    part::Issues,
    sorted::{HasOrigin, Sorted, share_list},
};
use crate::{
    ingest::virtual_service::{Rule, VirtualService},
    merge::delegate,
};

/// All VirtualServices.
#[derive(Debug, Default)]
pub(super) struct Routes {
    all: Sorted<VirtualService>,
    /// Roots merged with their delegates, kept while none of these changes.
    merged: BTreeMap<Name, Merged>,
    /// What merging found, by root.
    pub(super) issues: Issues<Name>,
}

#[derive(Debug)]
struct Merged {
    root: Arc<VirtualService>,
    delegates: Vec<Option<Arc<VirtualService>>>,
    table: Arc<RouteTable>,
}

impl HasOrigin for VirtualService {
    fn origin(&self) -> &Origin {
        &self.table.origin
    }
}

impl Routes {
    /// Sets one, or takes it away.
    pub(super) fn set(&mut self, name: Name, value: Option<VirtualService>) {
        let gone = value.is_none();
        if self.all.set(name.clone(), value) && gone {
            self.merged.remove(&name);
            self.issues.set(name, Vec::new());
        }
    }

    /// The tables, the oldest first.
    pub(super) fn build(&mut self, old: &Arc<Vec<Arc<RouteTable>>>) -> Arc<Vec<Arc<RouteTable>>> {
        if !self.all.take() {
            return old.clone();
        }
        let mut tables = Vec::with_capacity(old.len() + 1);
        for value in self.all.iter().filter(|v| !v.is_delegate()) {
            if value.rules.is_empty() {
                tables.push(value.table.clone());
            } else {
                tables.push(merge(&self.all, &mut self.merged, &mut self.issues, value));
            }
        }
        share_list(old, tables)
    }
}

/// The table of a root; the one before when neither it nor a delegate of it changed.
fn merge(
    all: &Sorted<VirtualService>,
    cache: &mut BTreeMap<Name, Merged>,
    issues: &mut Issues<Name>,
    root: &Arc<VirtualService>,
) -> Arc<RouteTable> {
    let origin = &root.table.origin;
    let name: Name = (origin.namespace().clone(), origin.name().clone());
    let delegates: Vec<_> = root
        .rules
        .iter()
        .filter_map(|rule| match rule {
            Rule::Delegate(d) => Some(all.get(&(d.namespace.clone(), d.name.clone())).cloned()),
            Rule::Route(_) => None,
        })
        .collect();
    let same = |m: &&Merged| {
        Arc::ptr_eq(&m.root, root)
            && m.delegates.len() == delegates.len()
            && m.delegates.iter().zip(&delegates).all(|(a, b)| match (a, b) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            })
    };
    if let Some(known) = cache.get(&name).filter(same) {
        return known.table.clone();
    }
    let mut found = Vec::new();
    let table = delegate::merge(root, |d| all.get(&(d.namespace.clone(), d.name.clone())).cloned(), &mut found);
    let table = match cache.get(&name) {
        Some(known) if *known.table == table => known.table.clone(),
        _ => Arc::new(table),
    };
    issues.set(name.clone(), found);
    cache.insert(name, Merged { root: root.clone(), delegates, table: table.clone() });
    table
}
