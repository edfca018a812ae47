//! Suppressions of the command line: a code for some objects.

use crate::finding::Finding;
use crate::message::Message;

/// A code that is not shown for the objects that a pattern names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    code: String,
    pattern: String,
}

impl Suppression {
    /// Reads `CODE=KIND NAME`. In the name, `*` stands for any text.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((code, pattern)) = text.split_once('=') else {
            return Err(format!("{text:?} is not of the form IST0103=Pod mypod.testing"));
        };
        // A code of heddled is the reason word of an issue, and there is no list of these words.
        let is_word = !code.is_empty() && !code.starts_with("IST") && code.chars().all(|c| c.is_ascii_alphabetic());
        if Message::of(code).is_none() && !is_word {
            return Err(format!("no message has the code {code:?}"));
        }
        Ok(Self { code: code.to_owned(), pattern: pattern.to_owned() })
    }

    /// Whether a finding is not to be shown. An object may be named as `Pod mypod.testing` or `Pod testing/mypod`.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        let object = &finding.object;
        let slashed = format!("{} {}/{}", object.kind, object.namespace, object.name);
        let dotted = format!("{} {}.{}", object.kind, object.name, object.namespace);
        finding.message.code == self.code
            && [object.to_string(), slashed, dotted].iter().any(|name| fits(&self.pattern, name))
    }
}

/// Whether a text fits a pattern, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((part, after)) = rest.split_once('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
        rest = after;
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in
            [("Pod a.b", "Pod a.b"), ("Pod *.b", "Pod x.b"), ("*", "Pod x"), ("P*a*.b", "Pod xaya.b")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("Pod a", "Pod ab"), ("Pod *.b", "Pod x.c"), ("a*b*c", "acb"), ("ab*ba", "aba")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn unknown_codes_are_refused() {
        assert!(Suppression::parse("IST0103=Pod *").is_ok());
        assert!(Suppression::parse("IST0103").is_err());
        assert!(Suppression::parse("IST9103=Pod *").is_err());
        assert!(Suppression::parse("Overruled=PeerAuthentication *").is_ok());
    }
}
