//! The subscriptions of one stream, a slot for each type.

use std::{sync::Arc, time::Instant};

use heddle_xds_api::{
    TypeSet, TypeUrl,
    subscription::{Protocol, Subscription},
};

/// One type's subscription, and since when a response of it waits.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) subscription: Subscription,
    pub(super) held_since: Option<Instant>,
    pub(super) unrequested_since: Option<Instant>,
}

/// By type. A slot is taken out while its response is made. They are boxed, so that this moves a pointer.
///
/// A thousand streams have a thousand times the memory of their subscriptions, and it has left the processor's caches
/// when the next change arrives. So only the subscriptions that may have a response due are read.
#[derive(Debug)]
pub(super) struct Slots {
    slots: [Option<Box<Slot>>; TypeUrl::ALL.len()],
    /// The types that may have a response due: those that were changed since they last had none.
    touched: TypeSet,
}

impl Slot {
    /// Whether no response is due or waits, whatever happens to the other types.
    fn is_quiet(&self) -> bool {
        self.held_since.is_none() && self.unrequested_since.is_none() && self.subscription.is_quiet()
    }
}

impl Slots {
    /// The slots of a new stream.
    pub(super) fn new(protocol: Protocol) -> Self {
        let slot = |type_url| Slot {
            subscription: Subscription::new(type_url, protocol),
            held_since: None,
            unrequested_since: None,
        };
        Self { slots: TypeUrl::ALL.map(|type_url| Some(Box::new(slot(type_url)))), touched: TypeSet::EMPTY }
    }

    /// The client may have the secrets of other clients with this scope.
    pub(super) fn within(&mut self, scope: Arc<str>) {
        self.slots[TypeUrl::Secret as usize] = self.slots[TypeUrl::Secret as usize].take().map(|mut slot| {
            slot.subscription = slot.subscription.within(scope);
            slot
        });
    }

    pub(super) fn get(&self, type_url: TypeUrl) -> Option<&Slot> {
        self.slots[type_url as usize].as_deref()
    }

    pub(super) fn get_mut(&mut self, type_url: TypeUrl) -> Option<&mut Slot> {
        self.touched = self.touched.with(type_url);
        self.slots[type_url as usize].as_deref_mut()
    }

    pub(super) fn take(&mut self, type_url: TypeUrl) -> Option<Box<Slot>> {
        self.slots[type_url as usize].take()
    }

    pub(super) fn put(&mut self, type_url: TypeUrl, slot: Box<Slot>) {
        let touched = self.touched.without(type_url);
        self.touched = if slot.is_quiet() { touched } else { touched.with(type_url) };
        self.slots[type_url as usize] = Some(slot);
    }

    /// The types that may have a response due or waiting.
    pub(super) fn touched(&self) -> TypeSet {
        self.touched
    }
}
