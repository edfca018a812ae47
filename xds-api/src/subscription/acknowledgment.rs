//! Takes a client's ACK or NACK, and finds out which resource a NACK is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Fallbacks, Resource, TypeUrl};

use super::{Held, Nonce, Outstanding, State, Subscription};

/// What a request acknowledges ("ACK/NACK and resource type instance version").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledgment {
    /// Nothing: the request only changes the subscription.
    Absent,
    /// The client applied the response.
    Ack,
    /// The client rejected the response, at least in part.
    Nack(Nack),
    /// The nonce is not that of a response which waits for its ACK.
    Stale,
}

/// A response that a client rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nack {
    /// The message of `error_detail`.
    pub reason: String,
    /// The rejected resources, or if that is not certain, all resources of the response that changed.
    pub names: Vec<Arc<str>>,
    /// Whether each of these names is rejected for certain.
    pub certain: bool,
    /// Those of them of which the client holds no version that a client has accepted.
    pub without: Vec<Arc<str>>,
}

impl Subscription {
    pub(super) fn acknowledge(&mut self, nonce: &str, error: Option<&str>, fallbacks: &Fallbacks) -> Acknowledgment {
        let named = Nonce::parse(nonce);
        let Some(position) = self.outstanding.iter().position(|one| Some(one.nonce) == named) else {
            // "Resource updates": a later request carries the last nonce again and only changes the subscription.
            let again = named.is_some() && named == self.acknowledged;
            return if nonce.is_empty() || again || !self.interest.started {
                Acknowledgment::Absent
            } else {
                Acknowledgment::Stale
            };
        };
        self.acknowledged = named;
        // A client handles responses in order, so those before it are acknowledged too.
        let response = self.outstanding.drain(..=position).next_back();
        // "NACK": the presence of `error_detail` tells a NACK from an ACK, not the version.
        match (response, error) {
            (Some(response), Some(reason)) => Acknowledgment::Nack(self.reject(response, reason, fallbacks)),
            (Some(response), None) => {
                self.accept(response);
                Acknowledgment::Ack
            }
            (None, _) => Acknowledgment::Absent,
        }
    }

    fn accept(&mut self, response: Outstanding) {
        self.took_any = true;
        let instead = |name: &&Arc<str>| response.instead.iter().any(|(one, _)| one == *name);
        if self.search.acquit(response.names.iter().filter(|name| !instead(name)).map(|name| &**name)) {
            // Others may have been rejected because of what it held of these until now.
            self.retry_guilty();
        }
        if response.instead.is_empty() {
            return;
        }
        // What it took instead of a resource does not make it take that.
        for (name, resource) in response.instead {
            self.search.note_substitute(&name);
            match self.except.get_mut(&name) {
                Some(State::Unknown(held) | State::Instead(_, held) | State::Urgent(held)) => {
                    *held = Held::Resource(resource);
                }
                // The resource has changed meanwhile, maybe into this one.
                Some(state @ State::Due(_)) => *state = State::Had(resource),
                _ => {}
            }
        }
        self.forget_settled();
    }

    fn reject(&mut self, response: Outstanding, reason: &str, fallbacks: &Fallbacks) -> Nack {
        let Outstanding { names, held, instead, .. } = response;
        let held: BTreeMap<_, _> = held.into_iter().collect();
        for name in &names {
            self.sent_unrequested.remove(name);
            if self.is_wanted(name) {
                let held = || held.get(name).cloned().unwrap_or_default();
                let state = match self.except.remove(name) {
                    Some(State::Urgent(Held::Nothing)) => State::Urgent(held()),
                    Some(newer @ (State::Requested | State::Urgent(_) | State::Instead(..))) => newer,
                    Some(state) if self.is_due(name, &state) => State::Due(held()),
                    _ => State::Unknown(held()),
                };
                self.except.insert(name.clone(), state);
            }
        }
        // Of clusters and listeners Envoy's words begin with the names. Of others they may quote what a user wrote.
        let says = |name: &&Arc<str>| self.type_url.is_whole() && is_named(reason, name);
        let mut guilty: Vec<_> = names.iter().filter(says).cloned().collect();
        if let [only] = &names[..] {
            guilty = vec![only.clone()];
        }
        for (name, resource) in instead.iter().filter(|(name, _)| !guilty.contains(name)) {
            if let Some(State::Unknown(held)) = self.except.get(name) {
                let held = held.clone();
                self.except.insert(name.clone(), State::Instead(resource.clone(), held));
            }
        }
        let reason = reason.to_owned();
        if guilty.is_empty() {
            self.search.halve(&names);
            return Nack { reason, names, certain: false, without: Vec::new() };
        }
        // Other names are not remembered: a client may invent them without end.
        let wanted: Vec<_> = guilty.iter().filter(|name| self.wanted(name).is_some()).cloned().collect();
        self.search.convict(wanted);
        let mut without = Vec::new();
        for name in &guilty {
            let sent = instead.iter().find(|(one, _)| one == name).map(|(_, sent)| &**sent);
            if self.fall_back(name, sent, fallbacks) {
                without.push(name.clone());
            }
        }
        // Envoy applies the valid clusters and listeners of a response if it can read all of them. It does not say
        // whether it has, so the others are sent again.
        let is_guilty: BTreeSet<_> = guilty.iter().collect();
        // In a response of all, what is sent instead goes with the others. Without it, the client would drop what it
        // held.
        let whole = self.is_sent_whole();
        let again = |name: &Arc<str>| !is_guilty.contains(name) || whole && self.is_replaced(name);
        let again = names.iter().filter(|name| again(name)).cloned().collect();
        self.search.again(again);
        Nack { reason, names: guilty, certain: true, without }
    }

    fn is_replaced(&self, name: &str) -> bool {
        matches!(self.except.get(name), Some(State::Instead(..)))
    }

    /// Sends what another client has accepted meanwhile, where this client holds nothing of a name that it rejects.
    pub fn fall_back_again(&mut self, fallbacks: &Fallbacks) {
        let lacks = |name: &&Arc<str>| {
            let Some(State::Unknown(held)) = self.except.get(*name) else { return false };
            let without = match held {
                Held::Nothing => true,
                Held::Resource(held) => fallbacks.is_stand_in(held, held),
                Held::Something => false,
            };
            let on_its_way = || self.outstanding.iter().any(|one| one.instead.iter().any(|(sent, _)| sent == *name));
            let accepted = || self.target.get(name).and_then(|target| fallbacks.accepted(&self.scope, target));
            without && !on_its_way() && accepted().is_some()
        };
        for name in self.search.guilty().filter(lacks).cloned().collect::<Vec<_>>() {
            self.fall_back(&name, None, fallbacks);
        }
    }

    /// What the client holds of a name that it rejects stays. If it holds nothing, it is sent what another client has
    /// accepted, or else what stands in for it. `sent` is what it was sent instead already. Returns whether it is left
    /// without a resource that a client has accepted.
    fn fall_back(&mut self, name: &Arc<str>, sent: Option<&Resource>, fallbacks: &Fallbacks) -> bool {
        let (Some(State::Unknown(held)), Some(target)) = (self.except.get(name), self.target.get(name)) else {
            return false;
        };
        let holds_nothing = match held {
            // A response of all that lacks the name takes from the client what it held of it.
            Held::Nothing => !self.resumed || sent.is_some() || self.is_sent_whole(),
            // What stands in for an older version may let pass what that for the newest does not.
            Held::Resource(held) if fallbacks.is_stand_in(held, held) => !fallbacks.is_stand_in(held, target),
            Held::Resource(held) => {
                fallbacks.keep(&self.scope, target, held);
                // Envoy has stored the secret that it rejects. It would use it in a new listener, and accept it if it
                // were sent again. A cluster that was sent again has no endpoints before they are.
                if matches!(self.type_url, TypeUrl::Secret | TypeUrl::Endpoint) && sent.is_none() {
                    let held = held.clone();
                    self.except.insert(name.clone(), State::Instead(held.clone(), Held::Resource(held)));
                }
                return false;
            }
            Held::Something => return false,
        };
        let accepted = if sent.is_none() { fallbacks.accepted(&self.scope, target) } else { None };
        let without = accepted.is_none();
        let may_stand_in = holds_nothing && !sent.is_some_and(|sent| fallbacks.is_stand_in(sent, target));
        let stand_in = || if may_stand_in { fallbacks.stand_in(target) } else { None };
        if let Some(instead) = accepted.or_else(stand_in) {
            let held = held.clone();
            self.except.insert(name.clone(), State::Instead(instead, held));
        }
        without
    }
}

/// Whether the message names the resource, as a word of its own. A name of digits alone must be in quotes.
fn is_named(message: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || "._|:/-~*".contains(c);
    let bare = !name.contains(|c: char| !c.is_ascii_digit());
    message.match_indices(name).any(|(start, _)| {
        let before = message[..start].chars().next_back();
        let mut after = message[start + name.len()..].chars();
        let first = after.next();
        if bare {
            return matches!((before, first), (Some('\''), Some('\'')) | (Some('"'), Some('"')));
        }
        // A full stop or a colon may follow the name.
        let ends = first
            .is_none_or(|c| !part_of_name(c) || matches!(c, '.' | ':') && after.next().is_none_or(char::is_whitespace));
        ends && before.is_none_or(|c| !part_of_name(c))
    })
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_name_is_a_word() {
        let message = "Error adding/updating cluster(s) outbound|80||a.b: malformed, outbound|80||c: bad";
        assert!(is_named(message, "outbound|80||a.b"));
        assert!(is_named(message, "outbound|80||c"));
        assert!(!is_named(message, "outbound|80||a"));
        assert!(!is_named(message, "80"));
        assert!(is_named("route '80' is bad", "80"));
        assert!(is_named("0.0.0.0_80: no such thing", "0.0.0.0_80"));
        assert!(!is_named("", "a") && !is_named("x", ""));
    }
}
