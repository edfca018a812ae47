//! Reads YAML and JSON files of objects.

use std::sync::Arc;

use heddle_crds::mesh::MeshConfig;
use heddle_model::{
    issue::Issue,
    object::{Kind, ObjectRef},
};
use heddle_yaml::Schema;
use serde_json::Value;

use crate::object::{Object, Reading};

/// Lists of lists are read to this depth.
const MAX_LISTS: usize = 4;

/// Reads all objects of a file, YAML (many documents) or JSON. `List`s are expanded.
///
/// The issues are about the file: documents that do not parse, with their number (from 1) and line, and documents of
/// kinds that are not read. What is wrong with an object itself stands in [`Object::issues`].
#[must_use]
pub fn documents(bytes: &[u8]) -> (Vec<Object>, Vec<Issue>) {
    let mut out = Found::default();
    for (index, document) in heddle_yaml::read(bytes, Schema::Core).into_iter().enumerate() {
        match document.content {
            Ok(value) => out.add(index + 1, document.line, &value, 0),
            Err(error) => out.refuse(index + 1, error.line, &error.reason),
        }
    }
    (out.objects, out.issues)
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
