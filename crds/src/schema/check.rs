//! Checks a spec against its schema, as the API server does before any rule.
//!
//! The reader is more lenient than the API server, which takes a field in one spelling and a number as a number only.
//! Enums and oneofs are the reader's to refuse, and patterns and CEL are repeated in [`crate::validate`]; what is left
//! is what must be there, of which type, and how much there may be.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::decode::{Path, describe, is_spelling};
use crate::kind::IstioKind;
use crate::schema::limits;
use crate::validate::Report;

/// Schemas are made once, when they are first needed.
static SCHEMAS: [OnceLock<Value>; IstioKind::ALL.len()] = [const { OnceLock::new() }; IstioKind::ALL.len()];

/// Checks the `spec` of a kind at `at`.
pub(crate) fn check(kind: IstioKind, spec: &Value, at: &Path<'_>, out: &mut Report) {
    let schema = SCHEMAS.get(kind as usize).map(|cell| cell.get_or_init(|| super::spec(kind)));
    node(schema.unwrap_or(&Value::Null), spec, at, out);
}

fn node(schema: &Value, value: &Value, at: &Path<'_>, out: &mut Report) {
    if let Some(wanted) = wanted_type(schema, value) {
        return out.refuse_once(at, format_args!("expected {wanted}, found {}", describe(value)));
    }
    match value {
        Value::Object(members) => object(schema, members, at, out),
        Value::Array(elements) => list(schema, elements, at, out),
        Value::String(text) => {
            between(schema, ("minLength", "maxLength"), text.chars().count(), "letters", at, out);
        }
        Value::Number(number) => {
            let (least, most) = (bound(schema, "minimum"), bound(schema, "maximum"));
            let number = number.as_f64().unwrap_or_default();
            // The reader cannot tell a port of 0 from one that is not set.
            let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
            let is_port = rules.into_iter().flatten().any(|one| one["rule"] == limits::PORT);
            if is_port && !(1.0..=65_535.0).contains(&number) {
                return out.refuse_once(at, format_args!("{number} is not a port: it must be from 1 to 65535"));
            }
            let is_exclusive = schema.get("exclusiveMinimum").is_some_and(|value| *value == true);
            let is_less = |least: f64| number < least || is_exclusive && number <= least;
            if least.is_some_and(is_less) || most.is_some_and(|most| number > most) {
                let text = |bound: Option<f64>| bound.map_or_else(|| "any".to_owned(), |bound| bound.to_string());
                out.refuse_once(at, format_args!("{number} is not from {} to {}", text(least), text(most)));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn object(schema: &Value, members: &Map<String, Value>, at: &Path<'_>, out: &mut Report) {
    between(schema, ("minProperties", "maxProperties"), members.len(), "entries", at, out);
    let properties = schema.get("properties").and_then(Value::as_object);
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let is_set = members.iter().any(|(key, value)| is_spelling(key, name) && !value.is_null());
        if !is_set {
            out.refuse_once(&at.field(name), "is required");
        }
    }
    for (key, value) in members {
        let field = properties.and_then(|properties| {
            properties.get_key_value(key).or_else(|| properties.iter().find(|(name, _)| is_spelling(key, name)))
        });
        if let Some((name, schema)) = field {
            let at = at.field(key);
            if key != name {
                out.refuse_once(&at, format_args!("the API server knows this field as {name} only"));
            }
            // It drops such a null before it looks.
            if !value.is_null() {
                node(schema, value, &at, out);
            }
        } else if let Some(schema) = schema.get("additionalProperties").filter(|_| !value.is_null()) {
            node(schema, value, &at.field(key), out);
        }
    }
}

/// The type that a value should have, if it has another.
fn wanted_type(schema: &Value, value: &Value) -> Option<&'static str> {
    let wanted = schema.get("type").and_then(Value::as_str)?;
    let nullable = schema.get("nullable").is_some_and(|nullable| nullable == true);
    let (name, fits) = match wanted {
        "object" => ("an object", value.is_object()),
        "array" => ("a list", value.is_array()),
        "string" => ("a string", value.is_string()),
        "boolean" => ("true or false", value.is_boolean()),
        "integer" => ("a whole number", value.as_f64().is_some_and(|number| number.fract() == 0.0)),
        _ => ("a number", value.is_number()),
    };
    (!(fits || nullable && value.is_null())).then_some(name)
}

fn list(schema: &Value, elements: &[Value], at: &Path<'_>, out: &mut Report) {
    between(schema, ("minItems", "maxItems"), elements.len(), "entries", at, out);
    if let Some(key) = schema.pointer("/x-kubernetes-list-map-keys/0").and_then(Value::as_str) {
        let mut seen = BTreeSet::new();
        for (index, element) in elements.iter().enumerate() {
            let Some(value) = element.get(key) else { continue };
            if !seen.insert(value.to_string()) {
                out.refuse_once(&at.index(index).field(key), "another entry has the same");
            }
        }
    }
    let Some(items) = schema.get("items") else { return };
    for (index, element) in elements.iter().enumerate() {
        node(items, element, &at.index(index), out);
    }
}

fn between(schema: &Value, keys: (&str, &str), size: usize, unit: &str, at: &Path<'_>, out: &mut Report) {
    let limit = |key| schema.get(key).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    if let Some(least) = limit(keys.0).filter(|least| size < *least) {
        out.refuse_once(at, format_args!("{size} {unit} are fewer than {least}"));
    }
    if let Some(most) = limit(keys.1).filter(|most| size > *most) {
        out.refuse_once(at, format_args!("{size} {unit} are more than {most}"));
    }
}

fn bound(schema: &Value, key: &str) -> Option<f64> {
    schema.get(key).and_then(Value::as_f64)
}
