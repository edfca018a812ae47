//! The documents of a file, YAML or JSON.

use serde_json::Value;

use crate::split::{Part, split};
use crate::{Budget, Position, Schema, Unreadable, parse};

/// One document of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Line of its first content, from 1.
    pub line: usize,
    /// What it says as JSON, or why it cannot be read.
    pub content: Result<Value, Unreadable>,
}

/// Reads all documents of a file; those without content are left out.
#[must_use]
pub fn read(bytes: &[u8], schema: Schema) -> Vec<Document> {
    let text = match text(bytes) {
        Ok(text) => text,
        Err(error) => return vec![Document { line: error.line, content: Err(error) }],
    };
    let one = |part: Part<'_>| Document {
        line: part.first_content(),
        content: parse(part.text, schema, &Budget::FILE).map_err(|error| {
            let line = part.line + error.line.saturating_sub(1);
            Unreadable { line, ..error }
        }),
    };
    with_content(text).map(one).collect()
}

/// The contents of all documents of a text that is to be readable as a whole.
///
/// # Errors
/// Says why the first document that cannot be read cannot.
pub fn values(text: &str, schema: Schema) -> Result<Vec<Value>, Unreadable> {
    read(text.as_bytes(), schema).into_iter().map(|document| document.content).collect()
}

/// Where the parts of all documents of a file are written, in the order of [`read`]; none of a document that cannot be
/// read.
#[must_use]
pub fn positions(bytes: &[u8], schema: Schema) -> Vec<Option<Position>> {
    let one = |part: Part<'_>| Some(parse::<Position>(part.text, schema, &Budget::FILE).ok()?.below(part.line));
    text(bytes).map_or_else(|_| vec![None], |text| with_content(text).map(one).collect())
}

fn with_content(text: &str) -> impl Iterator<Item = Part<'_>> {
    split(text).into_iter().filter(Part::has_content)
}

/// The text of a file.
fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    let largest = Budget::FILE.bytes;
    if bytes.len() > largest {
        return Err(Unreadable { line: 1, reason: format!("the file has more than {largest} bytes") });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
            Err(Unreadable { line, reason: "the file is not UTF-8".to_owned() })
        }
    }
}

#[cfg(test)]
mod tests;
