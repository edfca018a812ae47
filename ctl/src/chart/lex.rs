//! Splits a template into text and actions, and an action into tokens.

use anyhow::{Context, Result, bail, ensure};

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text outside of `{{ }}`, trimmed as the braces demand.
    Text(String),
    /// The tokens inside of `{{ }}`.
    Action(Vec<Token>),
}

/// A token of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, or the name of a function.
    Word(String),
    /// A path such as `.Values.global`. `.` alone has no names.
    Path(Vec<String>),
    /// A variable such as `$name.field`. The root `$` has an empty name.
    Variable(String, Vec<String>),
    /// A string.
    Text(String),
    /// An integer.
    Number(i64),
    /// One of `( ) | , = :`, the last for `:=`.
    Mark(char),
}

/// The pieces of a template, without its comments.
pub(super) fn pieces(template: &str) -> Result<Vec<Piece>> {
    let (mut out, mut rest, mut trim) = (Vec::new(), template, false);
    loop {
        let (text, action) = match rest.split_once("{{") {
            Some((text, action)) => (text, Some(action)),
            None => (rest, None),
        };
        let mut text = if trim { text.trim_start() } else { text };
        let Some(mut action) = action else {
            out.push(Piece::Text(text.to_owned()));
            return Ok(out);
        };
        if let Some(trimmed) = action.strip_prefix('-').filter(|after| after.starts_with(char::is_whitespace)) {
            (text, action) = (text.trim_end(), trimmed);
        }
        out.push(Piece::Text(text.to_owned()));
        let (mut body, after) = close(action).with_context(|| start(action))?;
        trim = false;
        if let Some(trimmed) = body.strip_suffix('-').filter(|body| body.ends_with([' ', '\n', '/'])) {
            (body, trim) = (trimmed, true);
        }
        if !body.trim_start().starts_with("/*") {
            out.push(Piece::Action(tokens(body).with_context(|| start(body))?));
        }
        rest = after;
    }
}

/// Splits at the end of an action. Braces in strings and comments do not count.
fn close(action: &str) -> Result<(&str, &str)> {
    let mut quote = None;
    let mut escaped = false;
    let comment = action.trim_start().starts_with("/*");
    let from = if comment { action.find("*/").context("the comment has no end")? } else { 0 };
    for (at, c) in action.char_indices().skip_while(|(at, _)| *at < from) {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => escaped = true,
            (Some(open), c) if open == c && !escaped => quote = None,
            (Some(_), _) => escaped = false,
            (None, '"' | '`') => quote = Some(c),
            (None, '}') => {
                if let Some((body, after)) = action.split_at_checked(at)
                    && let Some(after) = after.strip_prefix("}}")
                {
                    return Ok((body, after));
                }
            }
            (None, _) => {}
        }
    }
    bail!("the action has no end")
}

fn tokens(body: &str) -> Result<Vec<Token>> {
    let mut out = Vec::new();
    let mut rest = body.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = token(first, rest)?;
        out.push(token);
        rest = after.trim_start();
    }
    Ok(out)
}

fn token(first: char, rest: &str) -> Result<(Token, &str)> {
    let after = rest.get(first.len_utf8()..).unwrap_or_default();
    Ok(match first {
        '(' | ')' | '|' | ',' | '=' => (Token::Mark(first), after),
        ':' => (Token::Mark(':'), after.strip_prefix('=').context("`:` must be followed by `=`")?),
        '"' => quoted(after)?,
        '`' => {
            let (text, after) = after.split_once('`').context("the string has no end")?;
            (Token::Text(text.to_owned()), after)
        }
        '$' => {
            let (name, after) = name(after);
            let (path, after) = path(after);
            (Token::Variable(name.to_owned(), path), after)
        }
        '.' => {
            let (first, after) = name(after);
            let (more, after) = path(after);
            let first = Some(first.to_owned()).filter(|first| !first.is_empty());
            (Token::Path(first.into_iter().chain(more).collect()), after)
        }
        '0'..='9' | '-' => {
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()) + 1;
            let (number, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (Token::Number(number.parse().with_context(|| format!("{number} is not an integer"))?), after)
        }
        _ => {
            let (word, after) = name(rest);
            ensure!(!word.is_empty(), "the character {first:?} is not allowed here");
            (Token::Word(word.to_owned()), after)
        }
    })
}

/// Reads a string after its opening quotation mark.
fn quoted(rest: &str) -> Result<(Token, &str)> {
    let mut text = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Text(text), rest.get(at + 1..).unwrap_or_default())),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(c @ ('"' | '\\')) => text.push(c),
                other => bail!("the escape `\\` before {other:?} is unknown"),
            },
            c => text.push(c),
        }
    }
    bail!("the string has no end")
}

fn name(rest: &str) -> (&str, &str) {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or((rest, ""))
}

/// `.a.b`
fn path(mut rest: &str) -> (Vec<String>, &str) {
    let mut out = Vec::new();
    while let Some(after) = rest.strip_prefix('.') {
        let (name, after) = name(after);
        out.push(name.to_owned());
        rest = after;
    }
    (out, rest)
}

/// The first line of an action, for error messages.
fn start(text: &str) -> String {
    format!("{{{{{}", text.lines().next().unwrap_or_default())
}
