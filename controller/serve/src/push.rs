//! All subscriptions of one stream, and the order among them: make before break. No IO; time is an argument.
//!
//! Clusters go first, and with them, in the same turn, the endpoints of each cluster added or changed, asked or not: Envoy
//! keeps such a cluster warming, does not ask, and withholds its answer until they come. A listener or route that needs a
//! cluster which the client may not have yet waits for that answer. Clusters are taken away last, when listeners and
//! routes have been answered. A wait ends after [`HOLD`], or when what is waited for is rejected or no longer wanted.

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

/// How long a resource waits for another type, and how long an answer to what nobody asked for is waited for.
pub const HOLD: Duration = Duration::from_secs(5);

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
    /// The types that `set` was compiled for: of others nothing is known, not even that there is none.
    compiled: TypeSet,
    slots: Slots,
    /// The types that the client has asked for.
    started: TypeSet,
    lapsed: u64,
    /// A response about routes was rejected: what the client has of their virtual hosts is not certain.
    doubtful_routes: bool,
}

impl Push {
    /// Of a stream on which nothing was said yet. `differences` is shared by all streams.
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

    /// The protocol that the client speaks.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The types to compile for this client.
    #[must_use]
    pub fn types(&self) -> TypeSet {
        let asked = self.started;
        let asked = if asked.contains(TypeUrl::Route) { asked.with(TypeUrl::VirtualHost) } else { asked };
        if asked.contains(TypeUrl::Cluster) { asked.with(TypeUrl::Endpoint) } else { asked }
    }

    /// The types that the client waits for and that have not been compiled.
    #[must_use]
    pub fn is_missing_types(&self) -> bool {
        self.types().union(self.compiled) != self.compiled
    }

    /// What the client wants and holds of a type.
    #[must_use]
    pub fn subscription(&self, type_url: TypeUrl) -> Option<&Subscription> {
        self.slots.get(type_url).map(|slot| &slot.subscription)
    }

    /// Whether the client has begun and has all that it asked for and is to have, as far as it accepts it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.subscription(TypeUrl::Cluster).is_some_and(|one| one.is_started() && one.is_settled())
            && self.subscription(TypeUrl::Endpoint).is_none_or(Subscription::is_settled)
            && self.listeners_and_routes_settled()
    }

    /// How many waits ended because they took too long; counted once.
    pub fn take_lapsed(&mut self) -> u64 {
        std::mem::take(&mut self.lapsed)
    }

    /// Takes a request.
    ///
    /// # Errors
    ///
    /// If the client asks for more than anyone could need.
    pub fn on_request(
        &mut self,
        type_url: TypeUrl,
        request: &Request,
        now: Instant,
    ) -> Result<Acknowledgment, TooManyNames> {
        let Some(slot) = self.slots.get_mut(type_url) else { return Ok(Acknowledgment::Absent) };
        let acknowledgment = slot.subscription.on_request(request)?;
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

    /// Takes what the client is to hold from now on, compiled for these types. Gives those that may differ from before.
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

    /// What is to be sent now, in order.
    pub fn responses(&mut self, now: Instant) -> Vec<(TypeUrl, Reply)> {
        let mut replies = Vec::new();
        for type_url in self.compiled.iter() {
            let said = self.say(type_url, now, &mut replies);
            if said && type_url == TypeUrl::VirtualHost {
                // Routes may have waited for the last of their virtual hosts to go.
                self.say(TypeUrl::Route, now, &mut replies);
            }
        }
        replies
    }

    /// When [`Self::responses`] is to be asked again without a request.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let held = |slot: &Slot| slot.held_since.filter(|_| !slot.subscription.is_waiting());
        let slots = self.slots.touched().iter().filter_map(|type_url| self.slots.get(type_url));
        let times = slots.flat_map(|slot| [held(slot), slot.unrequested_since]);
        times.flatten().min().map(|since| since + HOLD)
    }

    /// Adds what is to be said of a type; whether there was anything.
    fn say(&mut self, type_url: TypeUrl, now: Instant, replies: &mut Vec<(TypeUrl, Reply)>) -> bool {
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
        let over = |since: Option<Instant>| since.is_some_and(|since| now.duration_since(since) >= HOLD);
        if over(slot.unrequested_since) {
            slot.unrequested_since = None;
            slot.subscription.forget_unrequested();
        }
        if slot.subscription.is_waiting() {
            // Only what cannot wait, which no gate keeps back.
            return slot.subscription.next_response(&Gate::OPEN);
        }
        if over(slot.held_since) {
            slot.held_since = None;
            self.lapsed += 1;
            return slot.subscription.next_response(&Gate::OPEN);
        }
        let open = |resource: &Resource| self.has_what_it_needs(resource);
        // Hardly ever asked, and then once for all names.
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

    /// Whether the client has, for all that is known, the clusters that this refers to; and no virtual hosts that it would
    /// keep without a word.
    fn has_what_it_needs(&self, resource: &Resource) -> bool {
        if resource.type_url() == TypeUrl::Route && self.waits_for_members(resource) {
            return false;
        }
        let Some(clusters) = self.subscription(TypeUrl::Cluster) else { return true };
        let mut needed = resource.references().iter().filter(|reference| reference.type_url == TypeUrl::Cluster);
        !needed.any(|reference| clusters.is_pending(&reference.name))
    }

    /// Whether nothing that the client holds of other types refers to what it is no longer to hold of this one.
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

    /// A client that has come back says what clusters it holds before it asks for listeners and routes, so those that it
    /// has not asked for yet are waited for too.
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
