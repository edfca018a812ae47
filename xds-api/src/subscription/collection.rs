//! Resources that belong to another one. A virtual host `<route configuration>/<virtual host>` is of use only to a
//! client that holds its route configuration, and is removed with it.
//!
//! So a wildcard subscription to virtual hosts means those of the route configurations that the client holds: its
//! *open* collections. The caller knows what was sent of the other type, and opens and closes them.

use std::{collections::BTreeMap, sync::Arc};

use crate::TypeUrl;

use super::{State, Subscription, state::Verdict};

/// The open collections, and whether the client has removed the members that its first request named.
#[derive(Debug, Default)]
pub(super) struct Collections(BTreeMap<Arc<str>, bool>);

impl Collections {
    pub(super) fn contains(&self, collection: &str) -> bool {
        self.0.contains_key(collection)
    }

    /// Whether the members of this name's collection that the first request named are gone from the client.
    pub(super) fn is_fresh(&self, name: &str) -> bool {
        collection_of(name).is_some_and(|collection| self.0.get(collection) == Some(&true))
    }
}

/// The collection of a name: all before the last slash, as in Envoy.
#[must_use]
pub fn collection_of(name: &str) -> Option<&str> {
    name.rsplit_once('/').map(|(collection, _)| collection)
}

impl Subscription {
    /// The client holds the parent of this collection from now on. With `fresh` it may hold no members, because the
    /// parent was sent again; else it holds those that its first request named.
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

    /// The client no longer holds the parent of this collection. Unless it `dropped` it, it may still hold members.
    /// Those that no longer exist are removed when the collection is opened again.
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

    /// Whether a response about members of this collection is due.
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
        open || self.interest.has(name)
    }

    /// Removes the names of collections of which another name is held back. A domain that moves from one virtual host
    /// to another must change both in one response.
    pub(super) fn whole_collections(&self, due: &mut Vec<(Arc<str>, Verdict)>, held: &[Arc<str>]) {
        if self.type_url == TypeUrl::VirtualHost && !held.is_empty() {
            let before = due.len();
            due.retain(|(name, _)| !held.iter().any(|other| collection_of(other) == collection_of(name)));
            debug_assert!(due.len() <= before, "only ever fewer");
        }
    }
}
