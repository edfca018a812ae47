//! Results of one type that a layer holds, and the ways to find those that a small change concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use heddle_compile::memo::Kept;
use heddle_model::host::Host;
use heddle_model::issue::Issue;
use heddle_xds_api::TypeUrl;

/// Results of one type: as long as they are held, other views may share them.
#[derive(Debug, Default)]
pub(super) struct Held {
    by_name: BTreeMap<Arc<str>, Arc<Kept>>,
    /// Further ones of a name. They are not sent, but what they found wrong stands.
    also: Vec<Arc<Kept>>,
    /// Names of those that found something wrong.
    wrong: BTreeSet<Arc<str>>,
    /// Of clusters and their endpoints, the names by host.
    by_host: BTreeMap<Box<str>, BTreeSet<Arc<str>>>,
}

impl Held {
    /// Of these results; of two with one name the first counts.
    pub(super) fn new(all: Vec<Arc<Kept>>) -> Self {
        let mut held = Self::default();
        for one in all {
            if held.by_name.contains_key(one.resource.name()) {
                held.also.push(one);
            } else {
                held.insert(one);
            }
        }
        held
    }

    /// Holds one in place of that of its name.
    pub(super) fn insert(&mut self, one: Arc<Kept>) {
        let name = one.resource.name().clone();
        if one.issues.is_empty() {
            self.wrong.remove(&name);
        } else {
            self.wrong.insert(name.clone());
        }
        if let Some(host) = host(one.resource.type_url(), &name) {
            match self.by_host.get_mut(host) {
                Some(names) => _ = names.insert(name.clone()),
                None => _ = self.by_host.insert(host.into(), [name.clone()].into()),
            }
        }
        self.by_name.insert(name, one);
    }

    /// Lets go of all of a name.
    pub(super) fn remove(&mut self, name: &Arc<str>) {
        let Some(one) = self.by_name.remove(name) else { return };
        self.wrong.remove(name);
        self.also.retain(|other| other.resource.name() != name);
        if let Some(host) = host(one.resource.type_url(), name)
            && let Some(names) = self.by_host.get_mut(host)
        {
            names.remove(name);
            if names.is_empty() {
                self.by_host.remove(host);
            }
        }
    }

    /// The names of what leads to a host.
    pub(super) fn names_of(&self, host: &Host) -> impl Iterator<Item = &Arc<str>> {
        self.by_host.get(host.as_str()).into_iter().flatten()
    }

    /// What was found wrong.
    pub(super) fn issues(&self) -> Vec<Issue> {
        let wrong = self.wrong.iter().filter_map(|name| self.by_name.get(name));
        wrong.chain(&self.also).flat_map(|one| one.issues.iter().cloned()).collect()
    }
}

/// The host in the name of a cluster, `outbound|<port>|<subset>|<host>`.
fn host(type_url: TypeUrl, name: &str) -> Option<&str> {
    let named = matches!(type_url, TypeUrl::Cluster | TypeUrl::Endpoint);
    name.rsplit_once('|').filter(|_| named).map(|(_, host)| host)
}
