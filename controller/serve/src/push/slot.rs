//! The subscriptions of one stream, a place for each type.

use std::time::Instant;

use heddle_xds_api::{
    Differences, ResourceSet, TypeUrl,
    subscription::{Protocol, Subscription},
};

/// One type's subscription, and since when something of it waits.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) subscription: Subscription,
    pub(super) held_since: Option<Instant>,
    pub(super) unasked_since: Option<Instant>,
}

/// By type; a slot that is being asked for its response is taken out meanwhile. Boxed: taking one moves a pointer.
#[derive(Debug)]
pub(super) struct Slots([Option<Box<Slot>>; TypeUrl::ALL.len()]);

impl Slot {
    /// Shows it what the client is to hold from now on; whether that is other maps than before.
    pub(super) fn observe(&mut self, set: &ResourceSet, differences: &Differences) -> bool {
        let other = !self.subscription.is_shown(set);
        if other {
            self.subscription.observe(set.typed(self.subscription.type_url()), differences);
        }
        other
    }

    /// Whether there is nothing to say and nothing to wait for, whatever the other types are about.
    pub(super) fn is_quiet(&self) -> bool {
        self.held_since.is_none() && self.unasked_since.is_none() && self.subscription.is_quiet()
    }
}

impl Slots {
    /// Of a stream on which nothing was said yet.
    pub(super) fn new(protocol: Protocol) -> Self {
        let slot = |type_url| Slot {
            subscription: Subscription::new(type_url, protocol),
            held_since: None,
            unasked_since: None,
        };
        Self(TypeUrl::ALL.map(|type_url| Some(Box::new(slot(type_url)))))
    }

    pub(super) fn get(&self, type_url: TypeUrl) -> Option<&Slot> {
        self.0[type_url as usize].as_deref()
    }

    pub(super) fn get_mut(&mut self, type_url: TypeUrl) -> Option<&mut Slot> {
        self.0[type_url as usize].as_deref_mut()
    }

    pub(super) fn take(&mut self, type_url: TypeUrl) -> Option<Box<Slot>> {
        self.0[type_url as usize].take()
    }

    pub(super) fn put(&mut self, type_url: TypeUrl, slot: Box<Slot>) {
        self.0[type_url as usize] = Some(slot);
    }

    /// All that are in place, in push order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TypeUrl, &Slot)> {
        TypeUrl::ALL.into_iter().filter_map(|type_url| Some((type_url, self.get(type_url)?)))
    }
}
