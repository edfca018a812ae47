//! Resources that belong to another one: a virtual host `<route configuration>/<virtual host>` is of use only to a client
//! that holds its route configuration, and is lost with it.
//!
//! So a client that wants all virtual hosts wants those of the route configurations that it holds: its *open* collections.
//! Whoever knows what was sent of the other type opens and closes them.

use std::{collections::BTreeMap, sync::Arc};

use crate::TypeUrl;

use super::{State, Subscription, state::Verdict};

/// The open collections, and whether the client has dropped what it says that it holds of them.
#[derive(Debug, Default)]
pub(super) struct Collections(BTreeMap<Arc<str>, bool>);

impl Collections {
    pub(super) fn contains(&self, collection: &str) -> bool {
        self.0.contains_key(collection)
    }

    /// Whether a client that names what it holds of a collection need not be believed.
    pub(super) fn is_fresh(&self, name: &str) -> bool {
        collection_of(name).is_some_and(|collection| self.0.get(collection) == Some(&true))
    }
}

/// The collection of a name: all before the last slash, as Envoy reads it.
#[must_use]
pub fn collection_of(name: &str) -> Option<&str> {
    name.rsplit_once('/').map(|(collection, _)| collection)
}

impl Subscription {
    /// The client holds the parent of this collection from now on. `fresh` says that it may have none of its members, for
    /// it was given the parent anew; else it has those that it said it has.
    pub fn open(&mut self, collection: &Arc<str>, fresh: bool) {
        self.collections.0.insert(collection.clone(), fresh);
        if !self.interest.started {
            return;
        }
        let members: Vec<Arc<str>> = self.target.members(collection).map(|one| one.name().clone()).collect();
        for name in members {
            if fresh {
                self.except.insert(name, State::Absent);
            } else {
                self.except.entry(name).or_insert(State::Absent);
            }
        }
        self.forget_settled();
    }

    /// The client no longer holds the parent of this collection. Unless it `dropped` it, it may hold its members still,
    /// and those that are gone by then are taken away when the collection is opened again.
    pub fn close(&mut self, collection: &str, dropped: bool) {
        self.collections.0.remove(collection);
        if dropped {
            self.except.retain(|name, _| collection_of(name) != Some(collection));
        } else {
            for resource in self.target.members(collection) {
                self.except.entry(resource.name().clone()).or_insert_with(|| State::Version(resource.version()));
            }
        }
    }

    /// Whether the client holds the parent of this collection.
    #[must_use]
    pub fn is_open(&self, collection: &str) -> bool {
        self.collections.contains(collection)
    }

    /// The open collections.
    pub fn collections(&self) -> impl Iterator<Item = &Arc<str>> {
        self.collections.0.keys()
    }

    /// Whether something is yet to be said of members of this collection.
    #[must_use]
    pub fn owes_members(&self, collection: &str) -> bool {
        let of_it = |name: &str| collection_of(name) == Some(collection);
        self.except.iter().any(|(name, state)| of_it(name) && self.is_wanted(name) && self.is_due(name, state))
    }

    /// Whether the client is to hold this name.
    pub(super) fn is_wanted(&self, name: &str) -> bool {
        if self.type_url != TypeUrl::VirtualHost || !self.interest.wildcard {
            return self.interest.wants(name);
        }
        let open = collection_of(name).is_some_and(|collection| self.collections.contains(collection));
        open || self.interest.names().contains(name)
    }

    /// Of names that are due those whose collection has no other that is held back: a domain that moves from one virtual
    /// host to another is taken and given at once.
    pub(super) fn whole_collections(&self, due: &mut Vec<(Arc<str>, Verdict)>, held: &[Arc<str>]) {
        if self.type_url == TypeUrl::VirtualHost && !held.is_empty() {
            let before = due.len();
            due.retain(|(name, _)| !held.iter().any(|other| collection_of(other) == collection_of(name)));
            debug_assert!(due.len() <= before, "only ever fewer");
        }
    }
}
