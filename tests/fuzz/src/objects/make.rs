//! Objects of every kind that is read, from bytes: custom ones by their schema, the platform's by hand.

use std::sync::LazyLock;

use heddle_crds::kind::IstioKind;
use heddle_crds::schema;
use heddle_store::Object;
use heddle_store::object::Reading;
use serde_json::{Map, Value, json};

use super::bytes::Bytes;
use super::{platform, word};

/// Deeper than any schema but the free-form parts.
const MAX_DEPTH: usize = 16;

static SCHEMAS: LazyLock<Vec<(IstioKind, Value)>> =
    LazyLock::new(|| IstioKind::ALL.into_iter().map(|kind| (kind, schema::spec(kind))).collect());

/// An object that is well-formed as its schema says; whether it makes sense is another matter.
pub(crate) fn object(bytes: &mut Bytes<'_>) -> Value {
    let choice = bytes.below(SCHEMAS.len() + platform::KINDS);
    let place = bytes.next();
    let name = ["web", "api", "a"][usize::from(place & 3) % 3];
    let namespace = ["shop", "ops", "istio-system", "shop"][usize::from(place >> 2 & 3)];
    let mut meta = json!({"name": name, "namespace": namespace});
    if place & 0x10 != 0 {
        meta["creationTimestamp"] = json!(format!("2025-01-01T00:00:{:02}Z", place >> 5));
    }
    let Some((kind, schema)) = SCHEMAS.get(choice) else {
        return platform::object(choice - SCHEMAS.len(), meta, bytes);
    };
    let info = kind.info();
    let version = info.versions[usize::from(place >> 6) % info.versions.len()];
    let api_version = format!("{}/{version}", info.group);
    json!({"apiVersion": api_version, "kind": kind.name(), "metadata": meta, "spec": value(schema, "", bytes, 0)})
}

/// The object, if its kind is one that the store reads.
pub(crate) fn read(value: &Value) -> Option<Object> {
    match Object::read(value) {
        Reading::Object(object) => Some(*object),
        Reading::Other { .. } | Reading::Not(_) => None,
    }
}

/// A value of a field by its schema and name.
fn value(schema: &Value, field: &str, bytes: &mut Bytes<'_>, depth: usize) -> Value {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty()) {
        return choices[bytes.below(choices.len())].clone();
    }
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "object" if depth < MAX_DEPTH => object_value(schema, field, bytes, depth),
        "array" if depth < MAX_DEPTH => list(schema, field, bytes, depth),
        "object" | "array" => Value::Null,
        "integer" => word::integer(field, bytes),
        "number" => word::number(bytes),
        "boolean" => json!(bytes.flag()),
        _ => json!(word::text(field, bytes)),
    }
}

fn object_value(schema: &Value, field: &str, bytes: &mut Bytes<'_>, depth: usize) -> Value {
    let mut members = Map::new();
    if let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|all| !all.is_empty()) {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let mut names: Vec<&str> = required.filter_map(Value::as_str).collect();
        for _ in 0..bytes.below(6) {
            let chosen = properties.keys().nth(bytes.below(properties.len())).map(String::as_str);
            names.extend(chosen.filter(|chosen| !excludes(schema, chosen, &names)));
        }
        for name in names {
            if let Some(inner) = properties.get(name).filter(|_| !members.contains_key(name)) {
                members.insert(name.to_owned(), value(inner, name, bytes, depth + 1));
            }
        }
    } else if let Some(inner) = schema.get("additionalProperties") {
        for _ in 0..bytes.below(4) {
            members.insert(word::key(field, bytes), value(inner, field, bytes, depth + 1));
        }
    }
    Value::Object(members)
}

/// Whether a field is of a oneof of which another field is set.
fn excludes(schema: &Value, field: &str, set: &[&str]) -> bool {
    let rules = schema.get("allOf").and_then(Value::as_array).into_iter().flatten().chain(std::iter::once(schema));
    let fields = |rule: &'_ Value| -> Vec<String> {
        let choices = rule.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        choices.filter_map(|choice| Some(choice.pointer("/required/0")?.as_str()?.to_owned())).collect()
    };
    rules
        .map(fields)
        .any(|oneof| oneof.iter().any(|one| one == field) && set.iter().any(|one| oneof.iter().any(|o| o == one)))
}

fn list(schema: &Value, field: &str, bytes: &mut Bytes<'_>, depth: usize) -> Value {
    let count = bytes.next();
    let item = schema.get("items").unwrap_or(&Value::Null);
    // Rarely a list is long, of copies: sizes have limits too.
    if count >= 0xf0 && bytes.lengthen() {
        return json!(vec![value(item, field, bytes, depth + 1); 40 * usize::from(count - 0xef)]);
    }
    let items = (0..count % 4).map(|_| value(item, field, bytes, depth + 1));
    Value::Array(items.collect())
}
