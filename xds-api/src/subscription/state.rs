//! What a client holds of one name, where that is not what it is to hold.

use std::sync::Arc;

use crate::{Resource, TypeUrl, TypedSet};

use super::{Protocol, Subscription};

/// What a client holds of a name that it wants.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Nothing.
    Absent,
    /// Nothing, and it waits for an answer.
    Asked,
    /// Anything; it is to be sent at once.
    Urgent,
    /// This one.
    Had(Arc<Resource>),
    /// The one of this version, it says.
    Version(u64),
    /// The empty resource that stands for one that does not exist.
    Empty,
    /// It rejected a response with this name in it, of which it may have applied a part.
    Unknown,
    /// The same, and what it is to hold has changed since.
    Due,
}

/// What is to be said about a name.
pub(super) enum Verdict {
    /// Nothing.
    Settled,
    /// That it is this.
    Send(Arc<Resource>),
    /// That there is none, by the empty resource.
    SendEmpty(Arc<Resource>),
    /// That it is gone.
    Remove,
}

impl Subscription {
    /// What is to be said about this name of which the client holds `state`.
    pub(super) fn verdict(&self, name: &Arc<str>, state: &State) -> Verdict {
        match (state, self.target.get(name)) {
            (State::Had(old), Some(new)) if old.version() == new.version() => Verdict::Settled,
            (State::Version(old), Some(new)) if *old == new.version() => Verdict::Settled,
            (_, Some(new)) => Verdict::Send(new.clone()),
            (State::Asked, None) => match Resource::empty(self.type_url, name) {
                Some(empty) => Verdict::SendEmpty(Arc::new(empty)),
                None => Verdict::Remove,
            },
            (State::Absent | State::Empty, None) => Verdict::Settled,
            (_, None) => Verdict::Remove,
        }
    }

    /// Whether that must be said for its own sake, and not only when there is something to say anyhow.
    pub(super) fn is_due(&self, name: &Arc<str>, state: &State) -> bool {
        self.due(name, state).is_some()
    }

    /// What must be said for its own sake.
    pub(super) fn due(&self, name: &Arc<str>, state: &State) -> Option<Verdict> {
        if !self.is_wanted(name) {
            return None;
        }
        let verdict = self.verdict(name, state);
        let due = match &verdict {
            Verdict::Settled => false,
            // A client told the state of the world keeps what it is not told of, but for the types told whole.
            Verdict::Remove if self.protocol == Protocol::State && !self.type_url.is_whole() => {
                matches!(state, State::Asked)
            }
            _ => !matches!(state, State::Unknown),
        };
        due.then_some(verdict)
    }

    /// Notes that what the client is to hold of this name may be another than it was in `old`.
    pub(super) fn mark_changed(&mut self, name: Arc<str>, old: &TypedSet) {
        if !self.is_wanted(&name) {
            return;
        }
        match self.except.get(&name) {
            Some(State::Unknown) => _ = self.except.insert(name, State::Due),
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

    /// Drops the exceptions that no longer are any.
    pub(super) fn forget_settled(&mut self) {
        let settled = |(name, state): (&Arc<str>, &State)| {
            // What is not wanted now may be again: of a collection that is closed.
            let gone = self.is_no_exception(name, state) && self.is_wanted(name);
            gone.then(|| name.clone())
        };
        let settled: Vec<_> = self.except.iter().filter_map(settled).collect();
        for name in settled {
            self.except.remove(&name);
        }
    }

    /// Whether the client holds what it is to hold of this name, if it holds `state`.
    fn is_no_exception(&self, name: &Arc<str>, state: &State) -> bool {
        matches!(self.verdict(name, state), Verdict::Settled) && !matches!(state, State::Empty)
    }
}

/// Whether one bad resource in a response spoils the others. Envoy applies the good clusters and listeners of a response
/// that it rejects; of the other types it stops at the first bad one.
pub(super) fn spoils(type_url: TypeUrl) -> bool {
    !type_url.is_whole()
}
