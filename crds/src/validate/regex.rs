//! Regular expressions by the rules of RE2, which Envoy uses.
//!
//! RE2 is not the dialect of Rust's regex crate: it has no class intersections, and refuses a repetition of more than
//! 1000. So what it accepts is decided here, by a parser of its syntax that builds nothing. It keeps its own stack,
//! so a deep expression costs no recursion.

mod class;
mod escape;
mod group;
mod repeat;

use std::fmt;

use self::group::{Frame, Group};
use super::report::quote;

/// Longest expression, in bytes.
const LONGEST: usize = 1024;
/// Most groups that stand in each other.
const DEEPEST: usize = 1000;
/// About as many instructions as fit into the memory that RE2 allows a program by default.
const MOST_INSTRUCTIONS: u64 = 80_000;

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexError {
    reason: String,
}

/// Checks an expression.
///
/// # Errors
/// What RE2 would refuse, and why.
pub fn check(pattern: &str) -> Result<(), RegexError> {
    if pattern.len() > LONGEST {
        let reason = format!("an expression of {} bytes is longer than {LONGEST}", pattern.len());
        return Err(RegexError { reason });
    }
    Parser::new(pattern).run().map_err(|reason| RegexError { reason: format!("{reason}, in {}", quote(pattern)) })
}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a regular expression of RE2: {}", self.reason)
    }
}

impl std::error::Error for RegexError {}

/// What a parser returns: the reason of a refusal.
type Parsed<T> = Result<T, String>;

/// Reads an expression from left to right.
struct Parser<'a> {
    rest: &'a str,
    /// The groups that are open; the first stands for the whole expression.
    frames: Vec<Frame>,
    /// Names of groups, which must differ.
    names: Vec<&'a str>,
}

impl<'a> Parser<'a> {
    fn new(pattern: &'a str) -> Self {
        Self { rest: pattern, frames: vec![Frame::default()], names: Vec::new() }
    }

    fn run(mut self) -> Parsed<()> {
        while let Some(first) = self.rest.chars().next() {
            match first {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.take(1);
                    self.top().alternative();
                }
                '[' => {
                    let size = self.class()?;
                    self.top().atom(size);
                }
                '\\' => self.escape()?,
                '*' | '+' | '?' => self.operator(first)?,
                '{' => self.counted()?,
                '^' | '$' | '.' => {
                    self.take(1);
                    self.top().atom(if first == '.' { 10 } else { 1 });
                }
                literal => {
                    self.take(literal.len_utf8());
                    self.top().atom(literal.len_utf8() as u64);
                }
            }
            if self.top().size() > MOST_INSTRUCTIONS {
                return Err("it needs too much memory".to_owned());
            }
        }
        if self.frames.len() > 1 { Err("a ( is not closed".to_owned()) } else { Ok(()) }
    }

    fn open(&mut self) -> Parsed<()> {
        self.take(1);
        match group::read(&mut self.rest)? {
            Group::Flags => return Ok(()),
            Group::Plain => {}
            Group::Named(name) if self.names.contains(&name) => return Err(format!("two groups are named {name}")),
            Group::Named(name) => self.names.push(name),
        }
        self.frames.push(Frame::default());
        if self.frames.len() > DEEPEST { Err("its groups stand too deep in each other".to_owned()) } else { Ok(()) }
    }

    fn close(&mut self) -> Parsed<()> {
        self.take(1);
        if self.frames.len() < 2 {
            return Err("a ) closes nothing".to_owned());
        }
        if let Some(inner) = self.frames.pop() {
            self.top().group(&inner);
        }
        Ok(())
    }

    /// The innermost open group.
    fn top(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// Goes on behind the next `bytes` bytes.
    fn take(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
