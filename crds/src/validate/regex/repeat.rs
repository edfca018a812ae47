//! Repetitions.

use super::{Parsed, Parser, group};

/// Most repetitions, those within each other multiplied.
pub(super) const MOST: u64 = 1000;

impl Parser<'_> {
    /// `*`, `+` or `?`, each perhaps with a `?` behind it.
    pub(super) fn operator(&mut self, operator: char) -> Parsed<()> {
        self.take(1);
        self.lazy();
        self.top().repeat(None, 1, &operator.to_string())
    }

    /// `{2}`, `{2,}` or `{2,5}`; a brace that is not one of these stands for itself.
    pub(super) fn counted(&mut self) -> Parsed<()> {
        let Some((counts, after)) = self.rest.get(1..).and_then(|rest| rest.split_once('}')) else {
            self.literal_brace();
            return Ok(());
        };
        let (least, most) = match counts.split_once(',') {
            None => (number(counts), number(counts).map(Some)),
            Some((least, "")) => (number(least), Some(None)),
            Some((least, most)) => (number(least), number(most).map(Some)),
        };
        let (Some(least), Some(most)) = (least, most) else {
            self.literal_brace();
            return Ok(());
        };
        if least > MOST || most.is_some_and(|most| most > MOST) {
            return Err(group::too_often());
        }
        if most.is_some_and(|most| most < least) {
            return Err(format!("{{{counts}}} ends before it begins"));
        }
        self.rest = after;
        self.lazy();
        self.top().repeat(most, least, &format!("{{{counts}}}"))
    }

    fn literal_brace(&mut self) {
        self.take(1);
        self.top().atom(1);
    }

    fn lazy(&mut self) {
        if self.rest.starts_with('?') {
            self.take(1);
        }
    }
}

/// A count; more than a billion counts as such.
fn number(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_leading_zero = text.len() > 1 && text.starts_with('0');
    if !is_digits || has_leading_zero {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX).min(1_000_000_000))
}
