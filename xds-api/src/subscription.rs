//! What one client wants of one type, what it holds, and what to send it next. No IO, no clock, no other types.
//!
//! A [`Subscription`] hears requests ([`Subscription::on_request`]), is shown what the client is to hold
//! ([`Subscription::observe`]), and is asked for a response ([`Subscription::next_response`]) after either. It keeps a
//! pointer to the set shown last and only the names of which the client does not hold what that says: a stream costs
//! memory by what is under way, not by what the client holds.
//!
//! Rules: one response without an answer at a time; the newest state wins; a name asked for is answered; what the client
//! holds is not sent again; what it rejected is *unknown* and goes again with the next change, never by itself.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{Differences, Resource, ResourceSet, TypeUrl, TypedSet};

mod ask;
mod collection;
mod interest;
mod nonce;
mod plan;
mod reject;
mod request;
mod search;
mod state;

pub use collection::collection_of;
pub use nonce::Nonce;
pub use reject::Rejection;
pub use request::{Names, Request};

use collection::Collections;
pub(crate) use interest::Asked;
use interest::Interest;
use plan::Plan;
use search::Search;
use state::State;

/// Names that one client may ask for of one type. Istio's largest meshes have some ten thousand clusters.
pub const MAX_NAMES: usize = 100_000;

/// Responses that may be under way at once: more than one only where endpoints are sent along with their cluster.
const MAX_OUTSTANDING: usize = 8;

/// Of the two ways to speak the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `DeltaAggregatedResources`: only what changed, removals by name.
    Delta,
    /// `StreamAggregatedResources`: clusters and listeners all at once, of other types what changed.
    State,
}

/// What a request said about the response before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: it came unasked.
    Nothing,
    /// It was applied.
    Accepted,
    /// It was rejected, at least in part.
    Rejected(Rejection),
    /// It is about a response that nobody remembers; the request was ignored.
    Stale,
}

/// A client asked for more than [`MAX_NAMES`] names: its stream is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_NAMES} names")]
pub struct TooManyNames;

/// What may go out now; decided by those who know the other types.
#[derive(Clone, Copy)]
pub struct Gate<'a> {
    /// Whether a resource that is new or changed may be sent.
    pub open: &'a dyn Fn(&Resource) -> bool,
    /// Whether the resource of this name may be taken away.
    pub removals: &'a dyn Fn(&str) -> bool,
}

/// A response to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// To be given back by the client.
    pub nonce: Nonce,
    /// New and changed, or all of them.
    pub resources: Vec<Arc<Resource>>,
    /// Taken away; delta only.
    pub removed: Vec<Arc<str>>,
    /// The names about which it says something new, sorted or nearly so.
    pub changed: Vec<Arc<str>>,
}

/// One client's subscription to one type.
#[derive(Debug)]
pub struct Subscription {
    type_url: TypeUrl,
    protocol: Protocol,
    interest: Interest,
    collections: Collections,
    /// What the client is to hold, and does hold but for `except`.
    target: TypedSet,
    /// Of names that the client wants: what it holds instead.
    except: BTreeMap<Arc<str>, State>,
    /// Sent unasked, by version: the client is about to ask for them.
    offered: BTreeMap<Arc<str>, u64>,
    /// To be sent unasked.
    offers: BTreeSet<Arc<str>>,
    outstanding: VecDeque<Outstanding>,
    search: Search,
    /// Whether the client waits for a response even if there is nothing to say.
    owes_answer: bool,
    held: usize,
    /// Of the response that was made last, and of that which was answered last.
    nonce: Nonce,
    answered: Option<Nonce>,
}

/// A response that has not been answered.
#[derive(Debug)]
struct Outstanding {
    nonce: Nonce,
    /// What it changes.
    names: Vec<Arc<str>>,
    /// Of these, what the client did not have before.
    fresh: BTreeSet<Arc<str>>,
    /// Whether the client had not asked for anything of the type when it was sent: it may not answer.
    unasked: bool,
    /// Whether it is a step of the search for a guilty resource.
    step: bool,
}

impl Gate<'_> {
    /// Everything may go.
    pub const OPEN: Gate<'static> = Gate { open: &|_| true, removals: &|_| true };
}

impl Subscription {
    /// Of a client that has not asked for anything yet.
    #[must_use]
    pub fn new(type_url: TypeUrl, protocol: Protocol) -> Self {
        Self {
            type_url,
            protocol,
            interest: Interest::default(),
            collections: Collections::default(),
            target: TypedSet::default(),
            except: BTreeMap::new(),
            offered: BTreeMap::new(),
            offers: BTreeSet::new(),
            outstanding: VecDeque::new(),
            search: Search::default(),
            owes_answer: false,
            held: 0,
            nonce: Nonce::default(),
            answered: None,
        }
    }

    /// Hears a request. The client is then to be shown the newest set and asked for a response.
    ///
    /// # Errors
    ///
    /// If the client asks for more than anyone could need.
    pub fn on_request(&mut self, request: &Request) -> Result<Heard, TooManyNames> {
        let heard = self.hear(&request.nonce, request.error.as_deref());
        match &request.names {
            Names::Delta { subscribe, unsubscribe, initial } => self.ask_delta(subscribe, unsubscribe, initial)?,
            Names::State(_) if heard == Heard::Stale => {}
            Names::State(names) => self.ask_state(names)?,
        }
        Ok(heard)
    }

    /// Shows what the client is to hold from now on. `differences` is best shared by all who are shown the same.
    pub fn observe(&mut self, target: TypedSet, differences: &Differences) {
        self.interest.share(&differences.asked);
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
        self.offered.retain(|name, _| target.get(name).is_some());
        self.offers.retain(|name| target.get(name).is_some());
    }

    /// Whether that is what it was shown last: [`Self::observe`] would do nothing.
    #[must_use]
    pub fn is_shown(&self, set: &ResourceSet) -> bool {
        set.is(self.type_url, &self.target)
    }

    /// Whether [`Self::next_response`] has nothing to say, whatever the gate.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.except.is_empty() && self.offers.is_empty() && !self.owes_answer && !self.search.is_going_on()
    }

    /// Sends these with the next response whatever the client holds, and without waiting for an answer to the last:
    /// endpoints of a cluster that is sent anew, which Envoy waits for and does not ask for.
    pub fn force(&mut self, names: impl IntoIterator<Item = Arc<str>>) {
        for name in names.into_iter().collect::<Vec<_>>() {
            if self.target.get(&name).is_none() {
                continue;
            }
            if self.is_wanted(&name) {
                self.except.insert(name, State::Urgent);
            } else {
                self.offers.insert(name);
            }
        }
    }

    /// The next response, if there is something to say now.
    pub fn next_response(&mut self, gate: &Gate<'_>) -> Option<Reply> {
        let plan = self.plan(gate)?;
        Some(self.commit(plan))
    }

    /// Gives up waiting for answers to what was sent before the client asked for the type, and tells whether there was
    /// any: a client that knew nothing of the type may have dropped it.
    pub fn forget_unasked(&mut self) -> bool {
        let mut lost = Vec::new();
        self.outstanding.retain(|one| {
            lost.extend(one.unasked.then(|| one.names.clone()).into_iter().flatten());
            !one.unasked
        });
        for name in &lost {
            self.offered.remove(name);
            if self.is_wanted(name) {
                self.except.insert(name.clone(), State::Asked);
            }
        }
        !lost.is_empty()
    }

    /// Whether the client has asked for anything of the type, though it may since have dropped all of it.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.interest.started
    }

    /// Whether the client has what it is to hold of this name, or was sent it; no other than that it last asked for.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.wanted(name).is_some() && !self.except.contains_key(name)
    }

    /// Whether the client waits for this name because it has none.
    #[must_use]
    pub fn lacks(&self, name: &str) -> bool {
        matches!(self.except.get(name), Some(State::Absent | State::Asked))
    }

    /// The names asked for; `None` if it wants all of them.
    #[must_use]
    pub fn names(&self) -> Option<&BTreeSet<Arc<str>>> {
        (!self.interest.wildcard).then_some(self.interest.names())
    }

    /// Whether the client has answered, and holds what it is to hold as far as it accepts it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.outstanding.is_empty()
            && !self.owes_answer
            && self.except.iter().all(|(name, state)| !self.is_due(name, state))
    }

    /// The names that the client rejects as they are: what it is to hold of them is not what it holds.
    pub fn rejected(&self) -> impl Iterator<Item = &Arc<str>> {
        self.search.guilty().filter(|name| self.except.contains_key(*name) && self.wanted(name).is_some())
    }

    /// Whether the client accepts all that it is to hold, as far as is known.
    #[must_use]
    pub fn is_content(&self) -> bool {
        !self.search.is_going_on() && self.rejected().next().is_none()
    }

    /// Whether something is under way that was sent before the client asked for the type.
    #[must_use]
    pub fn awaits_unasked(&self) -> bool {
        self.interest.started && self.outstanding.iter().any(|one| one.unasked)
    }

    /// Whether the client is to have this name, and does not yet have it for certain: who refers to it must wait.
    #[must_use]
    pub fn is_pending(&self, name: &str) -> bool {
        // First what is hardly ever so: a route refers to dozens of clusters, and is asked for by each stream.
        (self.lacks(name) || self.outstanding.iter().any(|one| one.fresh.contains(name))) && self.wanted(name).is_some()
    }

    /// How many resources the gate kept back when a response was last asked for.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.held
    }

    /// Whether a response waits for its answer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.outstanding.is_empty()
    }

    /// What the client is to hold of this name, if it wants it.
    #[must_use]
    pub fn wanted(&self, name: &str) -> Option<&Arc<Resource>> {
        self.is_wanted(name).then(|| self.target.get(name)).flatten()
    }

    fn commit(&mut self, plan: Plan) -> Reply {
        self.nonce = self.nonce.next();
        let nonce = self.nonce;
        self.owes_answer = false;
        let Plan { resources, removed, names, fresh, empty, step } = plan;
        for name in &names {
            self.except.remove(name);
            if self.offers.remove(name)
                && let Some(resource) = self.target.get(name)
            {
                self.offered.insert(name.clone(), resource.version());
            }
        }
        self.except.extend(empty.into_iter().map(|name| (name, State::Empty)));
        let unasked = !self.interest.started;
        let changed = names.clone();
        self.outstanding.push_back(Outstanding { nonce, names, fresh, unasked, step });
        if unasked && self.outstanding.len() > MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        Reply { nonce, resources, removed, changed }
    }
}

#[cfg(test)]
mod tests;
