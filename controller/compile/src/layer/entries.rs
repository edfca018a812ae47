//! The entries of one type that a layer holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{host::Host, issue::Issue, object::ObjectRef};
use heddle_xds_api::ResourceMap;

use crate::entry::Entry;

/// Entries of one type: as long as they are held, other layers may share them. A resource that comes out as it was
/// keeps its pointer, so that nobody looks at it again. One that Envoy would refuse is held for its issues only.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    by_name: BTreeMap<Arc<str>, Arc<Entry>>,
    /// Further ones of a name. They are not sent, but what is wrong with their input stands.
    also: Vec<Arc<Entry>>,
    /// Names of those whose input is wrong somewhere.
    wrong: BTreeSet<Arc<str>>,
    /// Of clusters and their endpoints, the names by host.
    by_host: BTreeMap<Host, Vec<Arc<str>>>,
    resources: Arc<ResourceMap>,
}

impl Entries {
    /// The resources, to be sent.
    pub(crate) fn resources(&self) -> &Arc<ResourceMap> {
        &self.resources
    }

    /// These entries, in a layer of their own.
    pub(crate) fn of(entries: impl IntoIterator<Item = Arc<Entry>>) -> Self {
        let mut fresh = Self::default();
        fresh.replace(entries);
        fresh
    }

    /// Holds these in place of all. Of two with one name the first counts.
    pub(super) fn replace(&mut self, entries: impl IntoIterator<Item = Arc<Entry>>) {
        let mut fresh = Self { resources: self.resources.clone(), ..Self::default() };
        let mut map = ResourceMap::new();
        for entry in entries {
            if fresh.by_name.contains_key(entry.resource.name()) {
                fresh.also.push(entry);
                continue;
            }
            if entry.is_sent {
                map.insert(entry.resource.clone());
            }
            fresh.hold(entry);
        }
        fresh.take(&map);
        *self = fresh;
    }

    /// Holds those of each host in place of all.
    pub(super) fn replace_hosts(&mut self, hosts: BTreeMap<Host, Vec<Arc<Entry>>>, others: Vec<Arc<Entry>>) {
        let name = |entry: &Arc<Entry>| entry.resource.name().clone();
        let names = hosts.iter().map(|(host, entries)| (host.clone(), entries.iter().map(name).collect())).collect();
        self.replace(hosts.into_values().flatten().chain(others));
        self.by_host = names;
    }

    /// Holds these in place of those of a host. It costs what it changes, not what there is.
    pub(super) fn replace_host(&mut self, host: &Host, entries: Vec<Arc<Entry>>) {
        let names: Vec<Arc<str>> = entries.iter().map(|entry| entry.resource.name().clone()).collect();
        let old = self.by_host.insert(host.clone(), names.clone()).unwrap_or_default();
        self.also.retain(|entry| !names.contains(entry.resource.name()) && !old.contains(entry.resource.name()));
        let gone: Vec<_> = old.into_iter().filter(|name| !names.contains(name)).collect();
        for name in &gone {
            self.by_name.remove(name);
            self.wrong.remove(name);
        }
        if !gone.is_empty() {
            let map = Arc::make_mut(&mut self.resources);
            for name in &gone {
                map.remove(name);
            }
        }
        let mut seen = BTreeSet::new();
        for entry in entries {
            if seen.insert(entry.resource.name().clone()) {
                self.put(entry);
            } else {
                self.also.push(entry);
            }
        }
    }

    /// Holds one in place of that of its name.
    pub(super) fn put(&mut self, entry: Arc<Entry>) {
        let old = self.resources.get(entry.resource.name());
        if !entry.is_sent {
            if old.is_some() {
                Arc::make_mut(&mut self.resources).remove(entry.resource.name());
            }
        } else if old.is_none_or(|old| old.version() != entry.resource.version()) {
            Arc::make_mut(&mut self.resources).insert(entry.resource.clone());
        }
        self.hold(entry);
    }

    /// What is wrong with the input.
    pub(crate) fn issues(&self) -> impl Iterator<Item = &Issue> {
        let wrong = self.wrong.iter().filter_map(|name| self.by_name.get(name));
        wrong.chain(&self.also).flat_map(|entry| &entry.issues)
    }

    /// The objects behind a resource.
    pub(crate) fn sources(&self, name: &str) -> &[Arc<ObjectRef>] {
        self.by_name.get(name).map_or(&[], |entry| &entry.sources)
    }

    fn hold(&mut self, entry: Arc<Entry>) {
        let name = entry.resource.name().clone();
        if entry.issues.is_empty() {
            self.wrong.remove(&name);
        } else {
            self.wrong.insert(name.clone());
        }
        self.by_name.insert(name, entry);
    }

    /// Takes fresh resources; those that are equal to the old ones keep their pointers.
    fn take(&mut self, fresh: &ResourceMap) {
        let differing = self.resources.differences(fresh);
        if differing.is_empty() {
            return;
        }
        let map = Arc::make_mut(&mut self.resources);
        for name in differing {
            match fresh.get(&name) {
                Some(resource) => map.insert(resource.clone()),
                None => map.remove(&name),
            }
        }
    }
}
