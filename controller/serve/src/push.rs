//! All subscriptions of one stream, and the order among them. No IO; time is an argument.
//!
//! The order is that of the xDS protocol, "Eventual consistency considerations": make before break. Clusters are sent
//! first. The endpoints of each added or changed cluster are sent with it, subscribed to or not ("Resource warming"):
//! Envoy keeps such a cluster warming and sends no ACK until its endpoints arrive, and it does not request them. A
//! listener or route that refers to a cluster which the client may not have yet waits for the ACK of that cluster.
//! Clusters are removed last, after the ACK of listeners and routes. A wait ends after [`HOLD`], or when the awaited
//! resource is rejected or unsubscribed.

use std::{
    cell::OnceCell,
    sync::Arc,
    time::{Duration, Instant},
};

mod collection;
mod slot;

use heddle_model::snapshot::Snapshot;
use heddle_xds_api::{
    Differences, Resource, ResourceSet, TypeSet, TypeUrl,
    subscription::{Acknowledgment, Gate, Protocol, Reply, Request, Subscription, TooManyNames},
};

use slot::{Slot, Slots};

/// How long a resource waits for another type.
pub const HOLD: Duration = Duration::from_secs(5);
/// How long the ACK of an unrequested response is waited for, from the client's first request of its type on. Envoy
/// reads responses in order, so it sends the ACK at once or not at all: it drops endpoints that come before it asks for
/// any, as it does while a cluster of another kind is not ready yet. Nothing is lost by sending them twice.
pub const UNREQUESTED: Duration = Duration::from_millis(500);

/// A revision of the mesh as the streams get it.
#[derive(Clone, Debug)]
pub struct Published {
    /// The mesh.
    pub snapshot: Arc<Snapshot>,
    /// When the first event arrived that it holds and the revision before did not.
    pub since: Instant,
}

/// One stream's subscriptions.
#[derive(Debug)]
pub struct Push {
    protocol: Protocol,
    differences: Arc<Differences>,
    set: Arc<ResourceSet>,
    /// The types that `set` was compiled for. Of other types it is not known whether there are resources.
    compiled: TypeSet,
    slots: Slots,
    /// The types that the client has sent a request of.
    started: TypeSet,
    lapsed: u64,
    /// A response with routes was rejected, so it is not certain which of their virtual hosts the client holds.
    doubtful_routes: bool,
}

impl Push {
    /// The subscriptions of a new stream. All streams share `differences`.
    #[must_use]
    pub fn new(protocol: Protocol, differences: Arc<Differences>) -> Self {
        Self {
            protocol,
            differences,
            set: Arc::default(),
            compiled: TypeSet::EMPTY,
            slots: Slots::new(protocol),
            started: TypeSet::EMPTY,
            lapsed: 0,
            doubtful_routes: false,
        }
    }

    /// The subscriptions of a client that may have the secrets of other clients with this scope.
    #[must_use]
    pub fn within(mut self, scope: Arc<str>) -> Self {
        self.slots.within(scope);
        self
    }

    /// The client's variant of the protocol.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The types to compile for this client.
    #[must_use]
    pub fn types(&self) -> TypeSet {
        let types = self.started;
        let types = if types.contains(TypeUrl::Route) { types.with(TypeUrl::VirtualHost) } else { types };
        if types.contains(TypeUrl::Cluster) { types.with(TypeUrl::Endpoint) } else { types }
    }

    /// The types that the client waits for and that have not been compiled.
    #[must_use]
    pub fn is_missing_types(&self) -> bool {
        self.types().union(self.compiled) != self.compiled
    }

    /// The client's subscription to a type.
    #[must_use]
    pub fn subscription(&self, type_url: TypeUrl) -> Option<&Subscription> {
        self.slots.get(type_url).map(|slot| &slot.subscription)
    }

    /// Whether the client has sent its first requests and holds all resources of them that exist and that it accepts.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.subscription(TypeUrl::Cluster).is_some_and(|one| one.is_started() && one.is_settled())
            && self.subscription(TypeUrl::Endpoint).is_none_or(Subscription::is_settled)
            && self.listeners_and_routes_settled()
    }

    /// How many waits ended by [`HOLD`] since the last call.
    pub fn take_lapsed(&mut self) -> u64 {
        std::mem::take(&mut self.lapsed)
    }

    /// Takes a request.
    ///
    /// # Errors
    ///
    /// If the client subscribes to too many names.
    pub fn on_request(
        &mut self,
        type_url: TypeUrl,
        request: &Request,
        now: Instant,
    ) -> Result<Acknowledgment, TooManyNames> {
        let Some(slot) = self.slots.get_mut(type_url) else { return Ok(Acknowledgment::Absent) };
        let acknowledgment = slot.subscription.on_request(request, &self.differences)?;
        if self.compiled.contains(type_url) && !slot.subscription.is_shown(&self.set) {
            slot.subscription.observe(self.set.typed(type_url), &self.differences);
        }
        if slot.subscription.is_started() {
            self.started = self.started.with(type_url);
        }
        let unrequested = slot.subscription.awaits_unrequested();
        slot.unrequested_since = unrequested.then(|| slot.unrequested_since.unwrap_or(now));
        if type_url == TypeUrl::Route {
            self.doubtful_routes |= matches!(acknowledgment, Acknowledgment::Nack(_));
            self.follow_routes();
        }
        Ok(acknowledgment)
    }

    /// Takes the set that the client is to hold from now on, compiled for these types. Returns the types that may
    /// differ.
    pub fn on_resources(&mut self, set: Arc<ResourceSet>, compiled: TypeSet) -> TypeSet {
        let before = std::mem::replace(&mut self.compiled, compiled);
        let others = self.set.differing(&set);
        let others = compiled.iter().filter(|one| others.contains(*one) || !before.contains(*one)).collect::<TypeSet>();
        for type_url in others.iter() {
            if let Some(slot) = self.slots.get_mut(type_url) {
                slot.subscription.observe(set.typed(type_url), &self.differences);
            }
        }
        self.set = set;
        if others.contains(TypeUrl::Route) {
            self.follow_routes();
        }
        others
    }

    /// Looks again for what another client has accepted of the types of which this client rejects resources.
    pub fn fall_back_again(&mut self, types: TypeSet) {
        for type_url in types.iter() {
            if let Some(slot) = self.slots.get_mut(type_url) {
                slot.subscription.fall_back_again(&self.differences.fallbacks);
            }
        }
    }

    /// The responses to be sent now, in order.
    pub fn responses(&mut self, now: Instant) -> Vec<(TypeUrl, Reply)> {
        let mut replies = Vec::new();
        for type_url in self.compiled.iter() {
            let added = self.add_replies(type_url, now, &mut replies);
            if added && type_url == TypeUrl::VirtualHost {
                // Routes may have waited for the removal of their last virtual host.
                self.add_replies(TypeUrl::Route, now, &mut replies);
            }
        }
        replies
    }

    /// When [`Self::responses`] must be called again without a request or a new set.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let held = |slot: &Slot| slot.held_since.filter(|_| !slot.subscription.is_waiting());
        let slots = self.slots.touched().iter().filter_map(|type_url| self.slots.get(type_url));
        let unrequested = |slot: &Slot| slot.unrequested_since.map(|since| since + UNREQUESTED);
        let times = slots.flat_map(|slot| [held(slot).map(|since| since + HOLD), unrequested(slot)]);
        times.flatten().min()
    }

    /// Adds the responses of a type that are due. Returns whether there was any.
    fn add_replies(&mut self, type_url: TypeUrl, now: Instant, replies: &mut Vec<(TypeUrl, Reply)>) -> bool {
        if !self.slots.touched().contains(type_url) {
            return false;
        }
        let (before, Some(mut slot)) = (replies.len(), self.slots.take(type_url)) else { return false };
        while let Some(reply) = self.response(type_url, &mut slot, now) {
            match type_url {
                TypeUrl::Cluster => self.force_endpoints(&reply),
                TypeUrl::Route => self.routes_sent(&reply),
                _ => {}
            }
            replies.push((type_url, reply));
        }
        self.slots.put(type_url, slot);
        replies.len() > before
    }

    fn response(&mut self, type_url: TypeUrl, slot: &mut Slot, now: Instant) -> Option<Reply> {
        let over = |since: Option<Instant>, most| since.is_some_and(|since| now.duration_since(since) >= most);
        if over(slot.unrequested_since, UNREQUESTED) {
            slot.unrequested_since = None;
            slot.subscription.forget_unrequested();
        }
        if slot.subscription.is_waiting() {
            // Only what cannot wait, which no gate holds back.
            return slot.subscription.next_response(&Gate::OPEN);
        }
        if over(slot.held_since, HOLD) {
            slot.held_since = None;
            self.lapsed += 1;
            return slot.subscription.next_response(&Gate::OPEN);
        }
        let open = |resource: &Resource| self.has_what_it_needs(resource);
        // Rarely needed, and then once for all names.
        let removals = OnceCell::new();
        let may_go = |name: &str| match type_url {
            TypeUrl::VirtualHost => self.outlives(name),
            _ => *removals.get_or_init(|| self.may_remove(type_url)),
        };
        let gate = Gate { open: &open, removals: &may_go };
        let reply = slot.subscription.next_response(&gate);
        let held = slot.subscription.held_back() > 0;
        slot.held_since = held.then(|| slot.held_since.unwrap_or(now));
        reply
    }

    /// Whether the client has acknowledged the clusters that this refers to, and holds no virtual hosts that it would
    /// keep silently. "Eventual consistency considerations": clusters must be in place before a route refers to them.
    fn has_what_it_needs(&self, resource: &Resource) -> bool {
        if resource.type_url() == TypeUrl::Route && self.waits_for_members(resource) {
            return false;
        }
        let Some(clusters) = self.subscription(TypeUrl::Cluster) else { return true };
        let mut needed = resource.references().iter().filter(|reference| reference.type_url == TypeUrl::Cluster);
        !needed.any(|reference| clusters.is_pending(&reference.name))
    }

    /// Whether nothing that the client holds of other types refers to the resources of this type that are to be
    /// removed.
    fn may_remove(&self, type_url: TypeUrl) -> bool {
        let settled = |other| self.subscription(other).is_none_or(|one| !one.is_started() || one.is_settled());
        match type_url {
            TypeUrl::Cluster => self.listeners_and_routes_settled(),
            TypeUrl::Endpoint => settled(TypeUrl::Cluster),
            TypeUrl::Route => settled(TypeUrl::Listener),
            TypeUrl::Secret | TypeUrl::ExtensionConfig => settled(TypeUrl::Listener) && settled(TypeUrl::Cluster),
            TypeUrl::Listener | TypeUrl::VirtualHost | TypeUrl::NameTable | TypeUrl::ProxyConfig => true,
        }
    }

    /// A client that reconnects names its clusters before it requests listeners and routes. So types that it has not
    /// requested yet are waited for too.
    fn listeners_and_routes_settled(&self) -> bool {
        let is = |type_url| self.subscription(type_url).map(|one| one.is_started().then(|| one.is_settled()));
        let needs_routes = || {
            let listeners = self.set.typed(TypeUrl::Listener);
            let mut references = listeners.iter().flat_map(|listener| listener.references());
            references.any(|reference| reference.type_url == TypeUrl::Route)
        };
        is(TypeUrl::Listener).flatten().unwrap_or(false)
            && is(TypeUrl::Route).flatten().unwrap_or_else(|| !needs_routes())
            && is(TypeUrl::VirtualHost).flatten().unwrap_or_else(|| !self.needs_members())
    }

    fn force_endpoints(&mut self, reply: &Reply) {
        let clusters = reply.changed.iter().filter_map(|name| self.set.get(TypeUrl::Cluster, name));
        let references = clusters.flat_map(|cluster| cluster.references());
        let endpoints = references.filter(|reference| reference.type_url == TypeUrl::Endpoint);
        let names: Vec<_> = endpoints.map(|reference| reference.name.clone()).collect();
        if let Some(slot) = self.slots.get_mut(TypeUrl::Endpoint) {
            slot.subscription.force(names);
        }
    }
}

#[cfg(test)]
mod tests;
