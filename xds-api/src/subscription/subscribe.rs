//! Takes what a client subscribes to ("How the client specifies what resources to return").

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{TypeUrl, TypedSet, parse_version};

use super::{Held, MAX_NAMES, State, Subscription, TooManyNames, collection_of};

const WILDCARD: &str = "*";

impl Subscription {
    pub(super) fn apply_delta(
        &mut self,
        subscribe: &[String],
        unsubscribe: &[String],
        initial: &BTreeMap<String, String>,
    ) -> Result<(), TooManyNames> {
        if subscribe.len().max(initial.len()) > MAX_NAMES {
            return Err(TooManyNames);
        }
        if self.interest.started {
            // First what it unsubscribes from: a name in both lists was removed by the client and is needed again.
            let collections = self.type_url == TypeUrl::VirtualHost;
            // Envoy unsubscribes from a collection by its name when its last reference goes. That is no resource.
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
        Ok(())
    }

    pub(super) fn apply_state(&mut self, names: &[String]) -> Result<(), TooManyNames> {
        if names.len() > MAX_NAMES {
            return Err(TooManyNames);
        }
        // No names are a wildcard only until the client has named any ("How the client specifies what resources to
        // return").
        let first = !self.interest.started;
        let stays_wildcard = first || self.interest.wildcard && self.interest.names().is_empty();
        let wildcard = self.type_url.may_be_wildcard()
            && (names.iter().any(|name| name == WILDCARD) || names.is_empty() && stays_wildcard);
        let wanted: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| *name != WILDCARD).collect();
        let had_all = wildcard && self.interest.wildcard;
        if wildcard && !had_all {
            self.restart();
            self.owes_response = true;
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
            } else if !self.interest.has(name) {
                self.add_name(name);
            }
        }
        Ok(())
    }

    fn start_delta(&mut self, subscribe: &[String], initial: &BTreeMap<String, String>) {
        let target = std::mem::take(&mut self.target);
        self.restart();
        self.interest.started = true;
        // "Incremental xDS": a first request without names, or with `*`, is a wildcard subscription. The versions of
        // `initial_resource_versions` need not be sent again.
        let all = subscribe.is_empty() || subscribe.iter().any(|name| name == WILDCARD);
        self.interest.wildcard = all && self.type_url.may_be_wildcard();
        self.owes_response = self.interest.wildcard && initial.is_empty();
        for (name, version) in initial {
            let name = shared_name(&target, name);
            if !self.interest.wildcard {
                self.interest.insert(name.clone());
            }
            // A version that is not ours is of another server. The client holds something.
            let version = parse_version(version).filter(|_| !self.collections.is_fresh(&name));
            self.except.insert(name, version.map_or(State::Due(Held::Something), State::Version));
        }
        for name in subscribe.iter().filter(|name| *name != WILDCARD) {
            if initial.contains_key(name) {
                self.interest.insert(shared_name(&target, name));
            } else {
                self.add_shared(shared_name(&target, name));
            }
        }
    }

    fn subscribe(&mut self, name: &str) {
        if name != WILDCARD {
            self.add_name(name);
        } else if self.type_url.may_be_wildcard() {
            self.restart();
            self.interest.wildcard = true;
            self.owes_response = true;
        }
    }

    fn unsubscribe(&mut self, name: &str) {
        if name == WILDCARD {
            self.interest.wildcard = false;
            let interest = &self.interest;
            self.except.retain(|name, _| interest.has(name));
        } else {
            self.drop_name(name);
            if self.interest.wildcard && self.target.get(name).is_some() {
                // "Unsubscribing From Resources": of a wildcard subscription no name can be unsubscribed alone. The
                // client has removed it, so it is sent again.
                let name = shared_name(&self.target, name);
                self.except.insert(name, State::Requested);
            } else if !self.outstanding.iter().any(|one| one.names.iter().any(|sent| **sent == *name)) {
                // The client does not hold it, and there is nothing to send. A client may invent such names without
                // end, so they are not kept.
                self.except.remove(name);
            }
        }
    }

    /// The client subscribes to this name. It waits for a response unless the resource was sent before it subscribed.
    fn add_name(&mut self, name: &str) {
        let name = shared_name(&self.target, name);
        self.add_shared(name);
    }

    fn add_shared(&mut self, name: Arc<str>) {
        self.unrequested.remove(&name);
        self.interest.insert(name.clone());
        match self.sent_unrequested.remove(&name) {
            Some(version) if self.target.get(&name).is_some_and(|now| now.version() == version) => {
                self.except.remove(&name);
            }
            Some(version) => drop(self.except.insert(name, State::Version(version))),
            None => drop(self.except.insert(name, State::Requested)),
        }
    }

    fn drop_name(&mut self, name: &str) {
        self.interest.remove(name);
        self.sent_unrequested.remove(name);
        if !self.interest.wildcard {
            self.except.remove(name);
            // A client may invent such names without end.
            self.search.acquit([name]);
        }
    }

    /// The client holds nothing: the next set is compared with nothing.
    fn restart(&mut self) {
        self.target = TypedSet::default();
        self.except.clear();
        self.search.clear();
    }
}

/// The name as the set holds it, if it does, so that a thousand clients share the memory of a thousand names.
fn shared_name(target: &TypedSet, name: &str) -> Arc<str> {
    target.get(name).map_or_else(|| name.into(), |one| one.name().clone())
}
