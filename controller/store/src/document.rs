//! Reads YAML and JSON files of objects.
//!
//! A file is split at its `---` lines before it is parsed, so that a document that cannot be read takes out itself
//! only. Everything is bounded: a hostile file is refused early and never costs more than a large honest one.

mod place;
mod split;

use std::sync::Arc;

use heddle_model::{
    issue::Issue,
    object::{Kind, ObjectRef},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    mesh_config::MeshConfig,
    object::{Object, Reading},
};
pub use place::Place;

/// The largest input, in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// The deepest nesting of a document.
const MAX_DEPTH: usize = 48;
/// Lists of lists are read to this depth.
const MAX_LISTS: usize = 4;

/// One document of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Line of its first content, from 1.
    pub line: usize,
    /// What it says as JSON, or why it cannot be read.
    pub content: Result<Value, Unreadable>,
}

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Line of the file, from 1.
    pub line: usize,
    /// Reason, in one line.
    pub reason: String,
}

/// What plain words such as `yes`, `off` and `n` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Texts; where a boolean is expected, the type takes them for one. So a label may say `country: no`.
    Text,
    /// Booleans, and `0777` is octal: as `kubectl` reads YAML 1.1, before it sends anything.
    Booleans,
}

/// Reads all documents of a file, YAML or JSON; those without content are left out.
#[must_use]
pub fn read(bytes: &[u8], words: Words) -> Vec<Document> {
    let text = match text(bytes) {
        Ok(text) => text,
        Err(error) => return vec![Document { line: error.line, content: Err(error) }],
    };
    let one = |document: split::Document<'_>| {
        let content = parse_as(document.text, words);
        let content =
            content.map_err(|(line, reason)| Unreadable { line: document.line + line.saturating_sub(1), reason });
        Document { line: document.first_content(), content }
    };
    split::documents(text).into_iter().map(one).collect()
}

/// Where all documents of a file are written, in the order of [`read`]; none of those that cannot be read.
#[must_use]
pub fn places(bytes: &[u8], words: Words) -> Vec<Option<Place>> {
    let one = |document: split::Document<'_>| Some(parse_as::<Place>(document.text, words).ok()?.below(document.line));
    text(bytes).map_or_else(|_| vec![None], |text| split::documents(text).into_iter().map(one).collect())
}

/// The text of a file.
fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable { line: 1, reason: format!("the file has more than {MAX_BYTES} bytes") });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
            Err(Unreadable { line, reason: "the file is not UTF-8".to_owned() })
        }
    }
}

/// Reads all objects of a file, YAML (many documents) or JSON. `List`s are expanded.
///
/// The issues are about the file: documents that do not parse, with their number (from 1) and line, and documents of
/// kinds that are not read. What is wrong with an object itself stands in [`Object::issues`].
#[must_use]
pub fn documents(bytes: &[u8]) -> (Vec<Object>, Vec<Issue>) {
    let mut out = Found::default();
    for (index, document) in read(bytes, Words::Text).into_iter().enumerate() {
        match document.content {
            Ok(value) => out.add(index + 1, document.line, &value, 0),
            Err(error) => out.refuse(index + 1, error.line, &error.reason),
        }
    }
    (out.objects, out.issues)
}

/// The documents of a file as they were written, each a value or the reason why it is none. `List`s are left as they are.
#[must_use]
pub fn values(bytes: &[u8]) -> Vec<Result<Value, String>> {
    let content = |document: Document| document.content.map_err(|error| error.reason);
    read(bytes, Words::Text).into_iter().map(content).collect()
}

/// Parses one document; the error has its line, from 1, and the reason in one line.
pub fn parse(text: &str) -> Result<Value, (usize, String)> {
    parse_as(text, Words::Text)
}

fn parse_as<T: DeserializeOwned>(text: &str, words: Words) -> Result<T, (usize, String)> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: 1,
            max_nodes: 2_000_000,
            max_events: 5_000_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000, max_replay_stack_depth: 16 },
        strict_booleans: words == Words::Text,
        legacy_octal_numbers: words == Words::Booleans,
        emit_comments: false,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let message = error.without_snippet().to_string();
        let reason = message.lines().next().unwrap_or_default();
        let reason = reason.rsplit_once(" at line ").map_or(reason, |(before, _)| before);
        (usize::try_from(line).unwrap_or(1), reason.chars().take(300).collect())
    })
}

#[derive(Default)]
struct Found {
    objects: Vec<Object>,
    issues: Vec<Issue>,
}

impl Found {
    fn add(&mut self, number: usize, line: usize, value: &Value, depth: usize) {
        if value.is_null() {
            return;
        }
        if let Some(items) = list(value) {
            if depth >= MAX_LISTS {
                return self.refuse(number, line, "lists are nested too deeply");
            }
            return items.iter().for_each(|item| self.add(number, line, item, depth + 1));
        }
        if MeshConfig::is_document(value) {
            return self.objects.push(Object::mesh_config(value));
        }
        match Object::read(value) {
            Reading::Object(object) => self.objects.push(*object),
            Reading::Not(reason) => self.refuse(number, line, &reason),
            Reading::Other { api_version, kind } => {
                let message = format!("{kind} of {api_version:?} is not a kind that is read; it has no effect");
                self.issues.push(Issue::warning(&document(number), place(line), "UnknownKind", message));
            }
        }
    }

    fn refuse(&mut self, number: usize, line: usize, reason: &str) {
        self.issues.push(Issue::error(&document(number), place(line), "Unreadable", reason));
    }
}

fn document(number: usize) -> Arc<ObjectRef> {
    Arc::new(ObjectRef::new(Kind::Document, "", number.to_string()))
}

fn place(line: usize) -> String {
    format!("line {line}")
}

/// The items of a `List`, also of a typed one such as `ServiceList`.
fn list(value: &Value) -> Option<&[Value]> {
    let kind = value.get("kind")?.as_str()?;
    if !kind.ends_with("List") {
        return None;
    }
    Some(value.get("items")?.as_array()?.as_slice())
}

#[cfg(test)]
mod tests;
