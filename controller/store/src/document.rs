//! Reads YAML and JSON files of objects.
//!
//! A file is split at its `---` lines before it is parsed, so that a document that cannot be read takes out itself
//! only. Everything is bounded: a hostile file is refused early and never costs more than a large honest one.

mod split;

use std::sync::Arc;

use heddle_model::{issue::Issue, object::ObjectRef};
use serde_json::Value;

use crate::{
    mesh_config::MeshConfig,
    object::{Object, Reading},
};

/// The largest input, in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// The deepest nesting of a document.
const MAX_DEPTH: usize = 48;
/// Lists of lists are read to this depth.
const MAX_LISTS: usize = 4;

/// Reads all objects of a file, YAML (many documents) or JSON. `List`s are expanded.
///
/// The issues are about the file: documents that do not parse, with their number (from 1) and line, and documents of
/// kinds that are not read. What is wrong with an object itself stands in [`Object::issues`].
#[must_use]
pub fn documents(bytes: &[u8]) -> (Vec<Object>, Vec<Issue>) {
    let mut out = Found::default();
    let text = match text(bytes) {
        Ok(text) => text,
        Err((line, reason)) => {
            out.refuse(1, line, &reason);
            return (out.objects, out.issues);
        }
    };
    for (index, document) in split::documents(text).into_iter().enumerate() {
        match parse(document.text) {
            Ok(value) => out.add(index + 1, document.line, &value, 0),
            Err((line, reason)) => out.refuse(index + 1, document.line + line.saturating_sub(1), &reason),
        }
    }
    (out.objects, out.issues)
}

/// The documents of a file as they were written, each a value or the reason why it is none. `List`s are left as they are.
#[must_use]
pub fn values(bytes: &[u8]) -> Vec<Result<Value, String>> {
    let reason = |(_, reason): (usize, String)| reason;
    match text(bytes) {
        Ok(text) => split::documents(text).into_iter().map(|document| parse(document.text).map_err(reason)).collect(),
        Err(refused) => vec![Err(reason(refused))],
    }
}

/// The file as text; the error has its line, from 1, and the reason.
fn text(bytes: &[u8]) -> Result<&str, (usize, String)> {
    if bytes.len() > MAX_BYTES {
        return Err((1, format!("the file has more than {MAX_BYTES} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
        (line, "the file is not UTF-8".to_owned())
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Parses one document; the error has its line, from 1, and the reason in one line.
pub(crate) fn parse(text: &str) -> Result<Value, (usize, String)> {
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
        strict_booleans: true,
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
    Arc::new(ObjectRef::new("document", "", number.to_string()))
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
