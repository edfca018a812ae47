//! Hears what a client wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{TypeUrl, TypedSet, parse_version};

use super::{MAX_NAMES, State, Subscription, TooManyNames, collection_of};

const WILDCARD: &str = "*";

impl Subscription {
    pub(super) fn ask_delta(
        &mut self,
        subscribe: &[String],
        unsubscribe: &[String],
        initial: &BTreeMap<String, String>,
    ) -> Result<(), TooManyNames> {
        if subscribe.len().max(initial.len()) > MAX_NAMES {
            return Err(TooManyNames);
        }
        if self.interest.started {
            // First what it drops: a name in both lists was dropped by the client and is wanted again.
            let collections = self.type_url == TypeUrl::VirtualHost;
            // Envoy drops a collection by its name when the last that refers to it goes.
            let is_one = |name: &&String| !collections || *name == WILDCARD || collection_of(name).is_some();
            for name in unsubscribe.iter().filter(is_one) {
                self.unsubscribe(name);
            }
            for name in subscribe.iter().filter(is_one) {
                self.subscribe(name);
            }
        } else {
            self.start_delta(subscribe, initial);
        }
        self.check_names()
    }

    pub(super) fn ask_state(&mut self, names: &[String]) -> Result<(), TooManyNames> {
        if names.len() > MAX_NAMES {
            return Err(TooManyNames);
        }
        let first = !self.interest.started;
        let stays_wildcard = first || self.interest.wildcard && self.interest.names().is_empty();
        let wildcard = self.type_url.may_be_wildcard()
            && (names.iter().any(|name| name == WILDCARD) || names.is_empty() && stays_wildcard);
        let wanted: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| *name != WILDCARD).collect();
        let had_all = wildcard && self.interest.wildcard;
        if wildcard && !had_all {
            self.restart();
            self.owes_answer = true;
        }
        self.interest.started = true;
        self.interest.wildcard = wildcard;
        let dropped = |name: &&Arc<str>| !wanted.contains(&***name);
        for name in self.interest.names().iter().filter(dropped).cloned().collect::<Vec<_>>() {
            self.drop_name(&name);
        }
        if !wildcard {
            self.except.retain(|name, _| wanted.contains(&**name));
        }
        for name in wanted {
            if had_all {
                self.interest.insert(name.into());
            } else if !self.interest.names().contains(name) {
                self.ask(name);
            }
        }
        self.check_names()
    }

    fn start_delta(&mut self, subscribe: &[String], initial: &BTreeMap<String, String>) {
        let target = std::mem::take(&mut self.target);
        self.restart();
        self.interest.started = true;
        let all = subscribe.is_empty() || subscribe.iter().any(|name| name == WILDCARD);
        self.interest.wildcard = all && self.type_url.may_be_wildcard();
        self.owes_answer = self.interest.wildcard && initial.is_empty();
        for (name, version) in initial {
            let name = shared_name(&target, name);
            if !self.interest.wildcard {
                self.interest.insert(name.clone());
            }
            // A version of another server: it holds something.
            let version = parse_version(version).filter(|_| !self.collections.is_fresh(&name));
            self.except.insert(name, version.map_or(State::Due, State::Version));
        }
        for name in subscribe.iter().filter(|name| *name != WILDCARD) {
            if initial.contains_key(name) {
                self.interest.insert(shared_name(&target, name));
            } else {
                self.ask_shared(shared_name(&target, name));
            }
        }
    }

    fn subscribe(&mut self, name: &str) {
        if name != WILDCARD {
            self.ask(name);
        } else if self.type_url.may_be_wildcard() {
            self.restart();
            self.interest.wildcard = true;
            self.owes_answer = true;
        }
    }

    fn unsubscribe(&mut self, name: &str) {
        if name == WILDCARD {
            self.interest.wildcard = false;
            let names = self.interest.names();
            self.except.retain(|name, _| names.contains(name));
        } else {
            self.drop_name(name);
            if self.interest.wildcard {
                // It dropped one of all that it wants, so it waits for it.
                self.except.insert(name.into(), State::Asked);
            }
        }
    }

    /// The client wants this name, and waits for an answer unless it was sent it unasked.
    fn ask(&mut self, name: &str) {
        let name = shared_name(&self.target, name);
        self.ask_shared(name);
    }

    fn ask_shared(&mut self, name: Arc<str>) {
        self.offers.remove(&name);
        self.interest.insert(name.clone());
        match self.offered.remove(&name) {
            Some(version) if self.target.get(&name).is_some_and(|now| now.version() == version) => {
                self.except.remove(&name);
            }
            Some(version) => drop(self.except.insert(name, State::Version(version))),
            None => drop(self.except.insert(name, State::Asked)),
        }
    }

    fn drop_name(&mut self, name: &str) {
        self.interest.remove(name);
        self.offered.remove(name);
        if !self.interest.wildcard {
            self.except.remove(name);
        }
    }

    /// The client holds nothing: all that it wants is compared anew when it is next shown a set.
    fn restart(&mut self) {
        self.target = TypedSet::default();
        self.except.clear();
        self.search.clear();
    }

    fn check_names(&self) -> Result<(), TooManyNames> {
        if self.interest.names().len() > MAX_NAMES { Err(TooManyNames) } else { Ok(()) }
    }
}

/// The name as all share it, where there is one: a thousand clients ask for a thousand names each.
fn shared_name(target: &TypedSet, name: &str) -> Arc<str> {
    target.get(name).map_or_else(|| name.into(), |one| one.name().clone())
}
