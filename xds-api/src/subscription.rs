//! The resources of one type that a client subscribes to, those that it holds, and its next response. No IO, no clock,
//! no other types.
//!
//! A [`Subscription`] takes requests ([`Subscription::on_request`]) and the set that the client is to hold
//! ([`Subscription::observe`]). After either, [`Subscription::next_response`] gives the response that is due. A
//! subscription keeps a pointer to the newest set, and the names of which the client does not hold what is in it. So
//! the memory of a stream grows with what is not acknowledged yet, not with what the client holds.
//!
//! The rules are those of Envoy's "xDS REST and gRPC protocol". Comments quote its sections by their titles:
//!
//! * one response at a time waits for its ACK or NACK, and the newest set wins ("When to send an update");
//! * each name that the client subscribes to gets a response ("How the client specifies what resources to return");
//! * a resource that the client holds is not sent again ("When to send an update");
//! * a resource that the client rejects is sent again with the next change and never without one; what the client
//!   held of it stays, and the other resources of the response are sent again without it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{Differences, Resource, ResourceSet, TypeUrl, TypedSet};

mod acknowledgment;
mod collection;
mod interest;
mod nonce;
mod plan;

mod request;
mod search;
mod state;
mod subscribe;

pub use acknowledgment::{Acknowledgment, Nack};
pub use collection::collection_of;
pub use nonce::Nonce;
pub use request::{Names, Request};

use collection::Collections;
use interest::Interest;
pub(crate) use interest::SharedNames;
use plan::Plan;
use search::Search;
use state::{Held, State};

/// Names of one type that one client may subscribe to. Istio's largest meshes have some ten thousand clusters.
pub const MAX_NAMES: usize = 100_000;

/// Responses that may wait for their ACK at once. There is more than one only where endpoints are sent with their
/// cluster.
const MAX_OUTSTANDING: usize = 8;

/// The two aggregated variants of the transport protocol ("Four Variants").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Incremental, `DeltaAggregatedResources`: only what changed, removals by name.
    Delta,
    /// State of the world (SotW), `StreamAggregatedResources`: all clusters or all listeners in each response, and of
    /// the other types what changed.
    State,
}

/// A client subscribes to more than [`MAX_NAMES`] names. Its stream must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_NAMES} names")]
pub struct TooManyNames;

/// What may be sent now. The caller decides it, because it knows the other types.
#[derive(Clone, Copy)]
pub struct Gate<'a> {
    /// Whether a resource that is new or changed may be sent.
    pub open: &'a dyn Fn(&Resource) -> bool,
    /// Whether the resource of this name may be removed.
    pub removals: &'a dyn Fn(&str) -> bool,
}

/// A response to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The client returns it in `response_nonce`.
    pub nonce: Nonce,
    /// The new and changed resources, or all of them.
    pub resources: Vec<Arc<Resource>>,
    /// The removed resources; delta only.
    pub removed: Vec<Arc<str>>,
    /// The names of which the client learns something new, sorted or nearly so.
    pub changed: Vec<Arc<str>>,
}

/// One client's subscription to one type.
#[derive(Debug)]
pub struct Subscription {
    type_url: TypeUrl,
    protocol: Protocol,
    /// Its clients may have each other's secrets.
    scope: Arc<str>,
    interest: Interest,
    collections: Collections,
    /// What the client is to hold, and does hold but for `except`.
    target: TypedSet,
    /// Of names that the client wants: what it holds instead.
    except: BTreeMap<Arc<str>, State>,
    /// Resources sent before the client subscribed to them, by version. It is about to subscribe.
    sent_unrequested: BTreeMap<Arc<str>, u64>,
    /// Resources to be sent though the client has not subscribed to them.
    unrequested: BTreeSet<Arc<str>>,
    outstanding: VecDeque<Outstanding>,
    search: Search,
    /// Whether the client waits for a response even if it has no resources.
    owes_response: bool,
    /// Whether the client held resources when the stream began, of which the protocol does not say which.
    resumed: bool,
    /// Whether the client has acknowledged any response.
    took_any: bool,
    held: usize,
    /// Of the newest response, and of the newest that was acknowledged.
    nonce: Nonce,
    acknowledged: Option<Nonce>,
}

/// A response without an ACK or NACK yet.
#[derive(Debug)]
struct Outstanding {
    nonce: Nonce,
    /// What it changes.
    names: Vec<Arc<str>>,
    /// Those of them that the client did not have before.
    fresh: BTreeSet<Arc<str>>,
    /// What the client held of the others, where that is known.
    held: Vec<(Arc<str>, Held)>,
    /// What was sent instead of a resource that the client rejects.
    instead: Vec<(Arc<str>, Arc<Resource>)>,
    /// Whether the client had not subscribed to anything of the type when it was sent. It may send neither ACK nor
    /// NACK.
    unrequested: bool,
}

impl Gate<'_> {
    /// Everything may go.
    pub const OPEN: Gate<'static> = Gate { open: &|_| true, removals: &|_| true };
}

impl Subscription {
    /// The subscription of a client that has not sent a request of this type yet.
    #[must_use]
    pub fn new(type_url: TypeUrl, protocol: Protocol) -> Self {
        Self {
            type_url,
            protocol,
            scope: Arc::default(),
            interest: Interest::default(),
            collections: Collections::default(),
            target: TypedSet::default(),
            except: BTreeMap::new(),
            sent_unrequested: BTreeMap::new(),
            unrequested: BTreeSet::new(),
            outstanding: VecDeque::new(),
            search: Search::default(),
            owes_response: false,
            resumed: false,
            took_any: false,
            held: 0,
            nonce: Nonce::default(),
            acknowledged: None,
        }
    }

    /// A subscription of a client that may have the secrets of other clients with this scope.
    #[must_use]
    pub fn within(mut self, scope: Arc<str>) -> Self {
        self.scope = scope;
        self
    }

    /// Takes a request. The caller must then call [`Self::observe`] and [`Self::next_response`]. Subscriptions to the
    /// same sets should share `differences`.
    ///
    /// "Incremental xDS": changes of the subscription count even if the nonce is stale. "Resource updates": a SotW
    /// request with a stale nonce gets no response.
    ///
    /// # Errors
    ///
    /// If the client subscribes to too many names.
    pub fn on_request(&mut self, request: &Request, differences: &Differences) -> Result<Acknowledgment, TooManyNames> {
        let acknowledgment = self.acknowledge(&request.nonce, request.error.as_deref(), &differences.fallbacks);
        match &request.names {
            Names::Delta { subscribe, unsubscribe, initial } => self.apply_delta(subscribe, unsubscribe, initial)?,
            Names::State { .. } if acknowledgment == Acknowledgment::Stale => {}
            Names::State { names, resumes } => {
                self.resumed |= *resumes;
                self.apply_state(names)?;
            }
        }
        self.interest.share(&differences.names);
        if self.interest.names().len() > MAX_NAMES { Err(TooManyNames) } else { Ok(acknowledgment) }
    }

    /// Takes the set that the client is to hold from now on. Subscriptions to the same sets should share `differences`.
    pub fn observe(&mut self, target: TypedSet, differences: &Differences) {
        if target.is(&self.target) {
            return;
        }
        let old = std::mem::replace(&mut self.target, target);
        if self.interest.started {
            for name in old.differences(&self.target, differences) {
                self.mark_changed(name, &old);
            }
        }
        let target = &self.target;
        self.sent_unrequested.retain(|name, _| target.get(name).is_some());
        self.unrequested.retain(|name| target.get(name).is_some());
    }

    /// Whether it is the newest set that it has: [`Self::observe`] would do nothing.
    #[must_use]
    pub fn is_shown(&self, set: &ResourceSet) -> bool {
        set.is(self.type_url, &self.target)
    }

    /// Whether [`Self::next_response`] gives nothing, whatever the gate.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.except.is_empty() && self.unrequested.is_empty() && !self.owes_response && !self.search.is_going_on()
    }

    /// Sends these with the next response whatever the client holds, and without waiting for the ACK of the last.
    /// "Resource warming": Envoy completes the warming of a cluster only when its endpoints are sent again, and it does
    /// not request them again.
    pub fn force(&mut self, names: impl IntoIterator<Item = Arc<str>>) {
        for name in names.into_iter().collect::<Vec<_>>() {
            if self.target.get(&name).is_none() {
                continue;
            }
            if self.is_wanted(&name) {
                let state = self.urgent(&name);
                self.except.insert(name, state);
            } else {
                self.unrequested.insert(name);
            }
        }
    }

    /// The next response, if one is due now.
    pub fn next_response(&mut self, gate: &Gate<'_>) -> Option<Reply> {
        let plan = self.plan(gate)?;
        Some(self.commit(plan))
    }

    /// No longer waits for the ACK of what was sent before the client subscribed to the type. Returns whether there was
    /// any. "How the client specifies what resources to return": a client ignores resources that it did not request,
    /// and they must be sent again when it does.
    pub fn forget_unrequested(&mut self) -> bool {
        let mut lost = Vec::new();
        self.outstanding.retain(|one| {
            lost.extend(one.unrequested.then(|| one.names.clone()).into_iter().flatten());
            !one.unrequested
        });
        for name in &lost {
            self.sent_unrequested.remove(name);
            if self.is_wanted(name) {
                self.except.insert(name.clone(), State::Requested);
            }
        }
        !lost.is_empty()
    }

    /// Whether the client has sent a request of the type, though it may have unsubscribed from all of it since.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.interest.started
    }

    /// Whether the client holds the newest resource of this name, or was sent it, and subscribes to it.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.wanted(name).is_some() && !self.except.contains_key(name)
    }

    /// Whether the client waits for this name because it has none.
    #[must_use]
    pub fn lacks(&self, name: &str) -> bool {
        matches!(self.except.get(name), Some(State::Absent | State::Requested))
    }

    /// The names that it subscribes to; `None` for a wildcard subscription.
    #[must_use]
    pub fn names(&self) -> Option<&BTreeSet<Arc<str>>> {
        (!self.interest.wildcard).then_some(self.interest.names())
    }

    /// Whether all responses were acknowledged, and the client holds all that it is to hold and does not reject.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.outstanding.is_empty()
            && !self.owes_response
            && self.except.iter().all(|(name, state)| !self.is_due(name, state))
    }

    /// The names whose newest resource the client rejects.
    pub fn rejected(&self) -> impl Iterator<Item = &Arc<str>> {
        self.search.guilty().filter(|name| self.except.contains_key(*name) && self.wanted(name).is_some())
    }

    /// Whether the client rejects nothing that it is to hold, as far as is known.
    #[must_use]
    pub fn accepts_all(&self) -> bool {
        !self.search.is_going_on() && self.rejected().next().is_none()
    }

    /// Whether it is not known yet which resources of a response the client rejects.
    #[must_use]
    pub fn is_searching(&self) -> bool {
        self.search.is_going_on()
    }

    /// Whether a response without an ACK was sent before the client subscribed to the type.
    #[must_use]
    pub fn awaits_unrequested(&self) -> bool {
        self.interest.started && self.outstanding.iter().any(|one| one.unrequested)
    }

    /// Whether the client is to have this name and has not acknowledged it yet. What refers to it must wait ("Eventual
    /// consistency considerations").
    #[must_use]
    pub fn is_pending(&self, name: &str) -> bool {
        // First what is rarely true: a route refers to dozens of clusters, and each stream checks each of them.
        (self.lacks(name) || self.outstanding.iter().any(|one| one.fresh.contains(name))) && self.wanted(name).is_some()
    }

    /// How many resources the gate kept back when a response was last asked for.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.held
    }

    /// Whether a response waits for its ACK or NACK.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.outstanding.is_empty()
    }

    /// The newest resource of this name, if the client subscribes to it.
    #[must_use]
    pub fn wanted(&self, name: &str) -> Option<&Arc<Resource>> {
        self.is_wanted(name).then(|| self.target.get(name)).flatten()
    }

    fn commit(&mut self, plan: Plan) -> Reply {
        self.nonce = self.nonce.next();
        let nonce = self.nonce;
        self.owes_response = false;
        let Plan { resources, removed, names, fresh, empty } = plan;
        let (mut held, mut instead) = (Vec::new(), Vec::new());
        for name in &names {
            // What is removed may be gone even if the response is rejected.
            if let Some(state) = self.except.remove(name)
                && self.target.get(name).is_some()
            {
                match state.held() {
                    Held::Nothing => {}
                    before => held.push((name.clone(), before)),
                }
                if let State::Instead(resource, before) = state {
                    instead.push((name.clone(), resource));
                    self.except.insert(name.clone(), State::Unknown(before));
                }
            }
            if self.unrequested.remove(name)
                && let Some(resource) = self.target.get(name)
            {
                self.sent_unrequested.insert(name.clone(), resource.version());
            }
        }
        self.except.extend(empty.into_iter().map(|name| (name, State::Empty)));
        let unrequested = !self.interest.started;
        let changed = names.clone();
        self.outstanding.push_back(Outstanding { nonce, names, fresh, held, instead, unrequested });
        if unrequested && self.outstanding.len() > MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        Reply { nonce, resources, removed, changed }
    }
}

#[cfg(test)]
mod tests;
