//! Takes a client's ACK or NACK, and finds out which resource a NACK is about.

use std::sync::Arc;

use super::{Nonce, Outstanding, Protocol, State, Subscription, state::spoils};

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
}

impl Subscription {
    pub(super) fn acknowledge(&mut self, nonce: &str, error: Option<&str>) -> Acknowledgment {
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
            (Some(response), Some(reason)) => Acknowledgment::Nack(self.reject(&response, reason)),
            (Some(response), None) => {
                self.search.acquit(&response.names);
                Acknowledgment::Ack
            }
            (None, _) => Acknowledgment::Absent,
        }
    }

    fn reject(&mut self, response: &Outstanding, reason: &str) -> Nack {
        for name in &response.names {
            self.sent_unrequested.remove(name);
            if self.is_wanted(name) {
                let state = match self.except.remove(name) {
                    Some(requested @ (State::Requested | State::Urgent)) => requested,
                    Some(state) if self.is_due(name, &state) => State::Due,
                    _ => State::Unknown,
                };
                self.except.insert(name.clone(), state);
            }
        }
        let mut guilty: Vec<_> = response.names.iter().filter(|name| is_named(reason, name)).cloned().collect();
        if let [only] = &response.names[..] {
            guilty = vec![only.clone()];
        }
        let can_part = self.protocol == Protocol::Delta || !self.type_url.is_whole();
        if guilty.is_empty() {
            if can_part {
                self.search.halve(&response.names, response.step);
            }
            return Nack { reason: reason.to_owned(), names: response.names.clone(), certain: false };
        }
        self.search.convict(&guilty);
        if spoils(self.type_url) {
            let rest = response.names.iter().filter(|name| !guilty.contains(name)).cloned().collect();
            self.search.again(rest, response.step);
        }
        Nack { reason: reason.to_owned(), names: guilty, certain: true }
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
