//! What a client holds of one name, where it is not the newest resource.

use std::sync::Arc;

use crate::{Resource, TypedSet};

use super::{Protocol, Subscription};

/// What a client holds of a name that it subscribes to.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Nothing.
    Absent,
    /// Nothing, and it waits for a response.
    Requested,
    /// Nothing that it uses, because its cluster is new or changed. The resource is sent at once. Before, it held this.
    Urgent(Held),
    /// This resource.
    Had(Arc<Resource>),
    /// The resource of this version, by `initial_resource_versions`.
    Version(u64),
    /// The empty resource that stands for one that does not exist.
    Empty,
    /// It rejected a response with this name, and may have applied a part of it. Before, it held this.
    Unknown(Held),
    /// The same, and the resource has changed since.
    Due(Held),
    /// It rejects the resource, and is to be sent the first instead. Until then it holds the second.
    Instead(Arc<Resource>, Held),
}

/// What a client held of a name before a response changed it.
#[derive(Clone, Debug, Default)]
pub(super) enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// Something that this server does not have: an earlier server sent it.
    Something,
    /// This resource.
    Resource(Arc<Resource>),
}

/// What a response must hold about a name.
pub(super) enum Verdict {
    /// Nothing.
    Settled,
    /// This resource.
    Send(Arc<Resource>),
    /// That there is none, by an empty resource. An Envoy that gets no response waits for it until a timeout ("Knowing
    /// When a Requested Resource Does Not Exist").
    SendEmpty(Arc<Resource>),
    /// That it was removed ("Deleting Resources").
    Remove,
}

impl State {
    /// What the client holds, as long as it takes no response with the name.
    pub(super) fn held(&self) -> Held {
        match self {
            Self::Absent | Self::Requested | Self::Empty => Held::Nothing,
            Self::Version(_) => Held::Something,
            Self::Had(resource) => Held::Resource(resource.clone()),
            Self::Urgent(held) | Self::Unknown(held) | Self::Due(held) | Self::Instead(_, held) => held.clone(),
        }
    }
}

impl Subscription {
    /// What a response must hold about this name of which the client holds `state`.
    pub(super) fn verdict(&self, name: &Arc<str>, state: &State) -> Verdict {
        match (state, self.target.get(name)) {
            (State::Had(old), Some(new)) if old.version() == new.version() => Verdict::Settled,
            (State::Version(old), Some(new)) if *old == new.version() => Verdict::Settled,
            (State::Instead(instead, _), Some(_)) => Verdict::Send(instead.clone()),
            (_, Some(new)) => Verdict::Send(new.clone()),
            (State::Requested, None) => match Resource::empty(self.type_url, name) {
                Some(empty) => Verdict::SendEmpty(Arc::new(empty)),
                None => Verdict::Remove,
            },
            (State::Absent | State::Empty, None) => Verdict::Settled,
            (_, None) => Verdict::Remove,
        }
    }

    /// Whether that alone makes a response due.
    pub(super) fn is_due(&self, name: &Arc<str>, state: &State) -> bool {
        self.due(name, state).is_some()
    }

    /// What a response must hold about this name, if that alone makes a response due.
    pub(super) fn due(&self, name: &Arc<str>, state: &State) -> Option<Verdict> {
        if !self.is_wanted(name) {
            return None;
        }
        let verdict = self.verdict(name, state);
        let due = match &verdict {
            Verdict::Settled => false,
            // "Deleting Resources": SotW can remove clusters and listeners only, by their absence.
            Verdict::Remove if self.protocol == Protocol::State && !self.type_url.is_whole() => {
                matches!(state, State::Requested)
            }
            _ => !matches!(state, State::Unknown(_)),
        };
        due.then_some(verdict)
    }

    /// What is to be sent at once of this name.
    pub(super) fn urgent(&self, name: &Arc<str>) -> State {
        match self.except.get(name) {
            Some(instead @ State::Instead(..)) => instead.clone(),
            // What it rejects would leave the cluster without endpoints.
            Some(State::Unknown(Held::Resource(held))) if self.search.is_guilty(name) => {
                State::Instead(held.clone(), Held::Resource(held.clone()))
            }
            Some(state) => match state.held() {
                held @ Held::Resource(_) => State::Urgent(held),
                Held::Nothing | Held::Something => State::Urgent(Held::Nothing),
            },
            None => State::Urgent(Held::Nothing),
        }
    }

    /// Notes that the resource of this name may differ from that in `old`.
    pub(super) fn mark_changed(&mut self, name: Arc<str>, old: &TypedSet) {
        if !self.is_wanted(&name) {
            return;
        }
        match self.except.get(&name) {
            Some(State::Unknown(Held::Resource(held))) if self.search.has_substitute(&name) => {
                let state = State::Had(held.clone());
                if self.is_no_exception(&name, &state) {
                    self.except.remove(&name);
                } else {
                    self.except.insert(name, state);
                }
            }
            Some(State::Unknown(held) | State::Instead(_, held)) => {
                let held = held.clone();
                self.except.insert(name, State::Due(held));
            }
            Some(state) => {
                if self.is_no_exception(&name, state) {
                    self.except.remove(&name);
                }
            }
            None => {
                let state = old.get(&name).map_or(State::Absent, |old| State::Had(old.clone()));
                if !self.is_no_exception(&name, &state) {
                    self.except.insert(name, state);
                }
            }
        }
    }

    /// Removes the exceptions that no longer are any.
    pub(super) fn forget_settled(&mut self) {
        let settled = |(name, state): (&Arc<str>, &State)| {
            // Members of a closed collection stay: it may be opened again.
            let gone = self.is_no_exception(name, state) && self.is_wanted(name);
            gone.then(|| name.clone())
        };
        let settled: Vec<_> = self.except.iter().filter_map(settled).collect();
        for name in settled {
            self.except.remove(&name);
        }
    }

    /// Whether the client holds the newest resource of this name, if it holds `state`.
    fn is_no_exception(&self, name: &Arc<str>, state: &State) -> bool {
        matches!(self.verdict(name, state), Verdict::Settled) && !matches!(state, State::Empty)
    }
}
