//! Host names: exact (`a.b`), wildcard (`*.b`) or everything (`*`).

use std::{cmp::Ordering, fmt};

use crate::Text;

/// A lower-case DNS name, possibly with a leading wildcard label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Text);

/// Why a string is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing there.
    #[error("a host must not be empty")]
    Empty,
    /// Longer than DNS allows.
    #[error("a host has at most 255 characters")]
    TooLong,
    /// `*` somewhere else than alone or as the first label.
    #[error("`*` may only stand alone or as the first label (`*.example.com`)")]
    Wildcard,
    /// A character that no host has.
    #[error("`{0}` may not be part of a host")]
    Character(char),
}

impl Host {
    /// Parses and lower-cases a host. Addresses are taken too: users put them in `hosts`.
    ///
    /// # Errors
    /// Says which rule the string breaks.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if text.len() > 255 {
            return Err(HostError::TooLong);
        }
        let rest =
            if text == "*" { "" } else { text.strip_prefix("*.").or_else(|| text.strip_prefix("*-")).unwrap_or(text) };
        if rest.contains('*') {
            return Err(HostError::Wildcard);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '/' | '[' | ']');
        if let Some(c) = rest.chars().find(|c| !allowed(*c)) {
            return Err(HostError::Character(c));
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The host `*`.
    #[must_use]
    pub fn any() -> Self {
        Self("*".into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    #[must_use]
    pub fn text(&self) -> Text {
        self.0.clone()
    }

    /// Whether it stands for more than one name.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with('*')
    }

    /// Whether it stands for names whose first label only ends alike, as `*-a.b`. Envoy has these as domains of HTTP,
    /// and not as server names of TLS.
    #[must_use]
    pub fn is_partial_wildcard(&self) -> bool {
        self.is_wildcard() && self.0.len() > 1 && !self.0.starts_with("*.")
    }

    /// Whether every name of `other` is also one of `self`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match self.0.strip_prefix('*') {
            Some(suffix) => match other.0.strip_prefix('*') {
                Some(theirs) => theirs.ends_with(suffix),
                None => other.0.len() >= suffix.len() && other.0.ends_with(suffix),
            },
            None => self == other,
        }
    }

    /// Whether some name belongs to both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Most specific first: exact names, then wildcards by length, `*` last; equal ranks by text.
    #[must_use]
    pub fn specificity(&self, other: &Self) -> Ordering {
        let rank = |h: &Self| (h.is_wildcard(), usize::MAX - if h.is_wildcard() { h.0.len() } else { 0 });
        rank(self).cmp(&rank(other)).then_with(|| self.0.cmp(&other.0))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn wildcards_cover_their_names() {
        assert!(host("*").covers(&host("a.b")));
        assert!(host("*.b").covers(&host("a.b")));
        assert!(host("*.b").covers(&host("*.a.b")));
        assert!(!host("*.b").covers(&host("b")));
        assert!(!host("a.b").covers(&host("*.b")));
        assert!(host("a.b").overlaps(&host("*.b")));
    }

    #[test]
    fn specific_hosts_come_first() {
        let mut hosts = [host("*"), host("*.b"), host("a.b"), host("*.a.b")];
        hosts.sort_by(Host::specificity);
        assert_eq!(hosts.map(|h| h.to_string()), ["a.b", "*.a.b", "*.b", "*"]);
    }

    #[test]
    fn bad_hosts_are_refused() {
        for bad in ["", "a.*.b", "**", "a b", "ä"] {
            assert!(Host::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(host("A.B").as_str(), "a.b");
    }
}
