//! Hears what a client says about a response, and finds out which resource it rejected.

use std::sync::Arc;

use super::{Heard, Nonce, Outstanding, Protocol, State, Subscription, state::spoils};

/// A response that a client rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// In the client's words.
    pub reason: String,
    /// What is guilty, or if that is not certain, all that the response changed.
    pub names: Vec<Arc<str>>,
    /// Whether each of these is guilty for certain.
    pub certain: bool,
}

impl Subscription {
    pub(super) fn hear(&mut self, nonce: &str, error: Option<&str>) -> Heard {
        let named = Nonce::parse(nonce);
        let Some(position) = self.outstanding.iter().position(|one| Some(one.nonce) == named) else {
            // The last one may be named again, when it is not an answer but asks for more.
            let again = named.is_some() && named == self.answered;
            return if nonce.is_empty() || again || !self.interest.started { Heard::Nothing } else { Heard::Stale };
        };
        self.answered = named;
        // Those before it are answered too: a client goes through them in order.
        let answered = self.outstanding.drain(..=position).next_back();
        match (answered, error) {
            (Some(response), Some(reason)) => Heard::Rejected(self.reject(&response, reason)),
            (Some(response), None) => {
                self.search.acquit(&response.names);
                Heard::Accepted
            }
            (None, _) => Heard::Nothing,
        }
    }

    fn reject(&mut self, response: &Outstanding, reason: &str) -> Rejection {
        for name in &response.names {
            self.offered.remove(name);
            if self.is_wanted(name) {
                let state = match self.except.remove(name) {
                    Some(asked @ (State::Asked | State::Urgent)) => asked,
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
            return Rejection { reason: reason.to_owned(), names: response.names.clone(), certain: false };
        }
        self.search.convict(&guilty);
        if spoils(self.type_url) {
            let rest = response.names.iter().filter(|name| !guilty.contains(name)).cloned().collect();
            self.search.again(rest, response.step);
        }
        Rejection { reason: reason.to_owned(), names: guilty, certain: true }
    }
}

/// Whether the words name the resource: as a word of its own, and a bare number only in quotes.
fn is_named(words: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || "._|:/-~*".contains(c);
    let bare = !name.contains(|c: char| !c.is_ascii_digit());
    words.match_indices(name).any(|(start, _)| {
        let before = words[..start].chars().next_back();
        let mut after = words[start + name.len()..].chars();
        let first = after.next();
        if bare {
            return matches!((before, first), (Some('\''), Some('\'')) | (Some('"'), Some('"')));
        }
        // A full stop or colon may end the name's sentence.
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
        let words = "Error adding/updating cluster(s) outbound|80||a.b: malformed, outbound|80||c: bad";
        assert!(is_named(words, "outbound|80||a.b"));
        assert!(is_named(words, "outbound|80||c"));
        assert!(!is_named(words, "outbound|80||a"));
        assert!(!is_named(words, "80"));
        assert!(is_named("route '80' is bad", "80"));
        assert!(is_named("0.0.0.0_80: no such thing", "0.0.0.0_80"));
        assert!(!is_named("", "a") && !is_named("x", ""));
    }
}
