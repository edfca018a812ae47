//! Classes of characters in brackets.

use super::escape::{self, Escaped};
use super::{Parsed, Parser};

/// The classes of POSIX.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

impl Parser<'_> {
    /// Reads a class, whose bracket is next; returns the size of its program.
    pub(super) fn class(&mut self) -> Parsed<u64> {
        self.take(1);
        if self.rest.starts_with('^') {
            self.take(1);
        }
        let mut size = 2;
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            if self.rest.is_empty() {
                return Err("a [ is not closed".to_owned());
            }
            first = false;
            size += self.member()?;
        }
        self.take(1);
        Ok(size)
    }

    fn member(&mut self) -> Parsed<u64> {
        if self.posix()? {
            return Ok(4);
        }
        let Some(low) = self.letter()? else { return Ok(400) };
        let is_range = self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]");
        if !is_range {
            return Ok(1);
        }
        self.take(1);
        match self.letter()? {
            Some(high) if high >= low => Ok(2),
            Some(high) => Err(format!("the range {low}-{high} ends before it begins")),
            None => Err("a range ends in a class".to_owned()),
        }
    }

    /// `[:alpha:]` or `[:^alpha:]`.
    fn posix(&mut self) -> Parsed<bool> {
        let Some((name, after)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
            return Ok(false);
        };
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(format!("[:{}:] is not a class", name.chars().take(40).collect::<String>()));
        }
        self.rest = after;
        Ok(true)
    }

    /// A character; nothing if it is a class such as `\d`.
    fn letter(&mut self) -> Parsed<Option<char>> {
        if !self.rest.starts_with('\\') {
            let Some(letter) = self.rest.chars().next() else { return Err("a [ is not closed".to_owned()) };
            self.take(letter.len_utf8());
            return Ok(Some(letter));
        }
        match escape::read(&mut self.rest)? {
            Escaped::Char(letter) => Ok(Some(letter)),
            Escaped::Class(_) => Ok(None),
            Escaped::Place | Escaped::Quote | Escaped::EndQuote => {
                Err("an escape has no meaning within brackets".to_owned())
            }
        }
    }
}
