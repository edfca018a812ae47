//! The nonce of a response, which its ACK or NACK repeats ("Basic Protocol Overview").

use std::fmt;

/// The number of a response among those of its type on its stream, in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nonce(u64);

impl Nonce {
    /// The next nonce.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Parses `response_nonce`; none if no response ever has it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ours = |digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let number = u64::from_str_radix(text, 16).ok()?;
        (!text.starts_with('0') && text.bytes().all(ours)).then_some(Self(number))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Nonce;

    #[test]
    fn only_nonces_of_ours_are_parsed() {
        let mut nonce = Nonce::default();
        for _ in 0..1000 {
            nonce = nonce.next();
            assert_eq!(Nonce::parse(&nonce.to_string()), Some(nonce));
        }
        for other in ["", "0", "01", "A", "+1", "-1", " 1", "g", "1ffffffffffffffff"] {
            assert_eq!(Nonce::parse(other), None, "{other}");
        }
    }
}
