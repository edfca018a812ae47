//! Turns a schema of schemars into a structural one.

use serde_json::{Map, Value, json};

use super::limits::{self, Limits};
use crate::oneof::ONEOFS;

/// Fields that have a second spelling in the API, by type, with that spelling.
const SPELLINGS: [(&str, &str, &str); 2] =
    [("HttpRoute", "mirrorPercent", "mirror_percent"), ("JwtRule", "jwksUri", "jwks_uri")];

/// Durations that may be less than a millisecond, because 0 has a meaning. They have no rule, as the API server bounds
/// what all rules of a definition may cost.
const MAY_BE_ZERO: [&str; 3] = ["HttpCookie.ttl", "TcpPool.idleTimeout", "RetryBudget.budgetInterval"];

/// Converts the schema of a whole `spec`; `name` is what limits call its type.
pub(super) fn convert(root: &Value, name: &str) -> Value {
    let empty = Map::new();
    let defs = root.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let converter = Converter { defs, limits: limits::all() };
    let mut spec = converter.node(root, name, name);
    converter.limit(&mut spec, &format!("spec:{name}"));
    spec
}

struct Converter<'a> {
    defs: &'a Map<String, Value>,
    limits: Limits,
}

impl Converter<'_> {
    /// Converts a node: `name` is its type's name if it has one, `place` is `Type.field`, with `[]` for elements and
    /// `{}` for values of a map.
    fn node(&self, node: &Value, name: &str, place: &str) -> Value {
        let mut out = self.unlimited(node, name, place);
        if let Some(description) = node.get("description") {
            set(&mut out, "description", description.clone());
        }
        if let Some(choices) = node.get("oneOf").and_then(Value::as_array) {
            enumerate(&mut out, choices);
            // Of a type's names a limit may leave out some.
            self.limit(&mut out, name);
        }
        if place != name {
            self.limit(&mut out, place);
        }
        out
    }

    fn unlimited(&self, node: &Value, name: &str, place: &str) -> Value {
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            let def = reference.rsplit('/').next().unwrap_or_default();
            return self.defs.get(def).map_or_else(|| json!({}), |inner| self.node(inner, def, def));
        }
        if let Some(inner) = node.get("anyOf").and_then(Value::as_array).and_then(|choices| choices.first()) {
            return self.node(inner, name, place);
        }
        let (kind, nullable) = type_of(node);
        match kind {
            "object" => self.object(node, name, place),
            "array" => {
                let items = node.get("items").unwrap_or(&Value::Null);
                json!({ "type": "array", "items": self.node(items, "", &format!("{place}[]")) })
            }
            "string" if node.get("format").is_some_and(|format| format == "duration") => duration(place),
            "string" => json!({ "type": "string" }),
            _ => number(kind, node, nullable),
        }
    }

    fn object(&self, node: &Value, name: &str, place: &str) -> Value {
        let pattern = node.pointer("/patternProperties").and_then(Value::as_object).and_then(|map| map.values().next());
        let values = pattern.or_else(|| node.get("additionalProperties"));
        let mut out = match (node.get("properties").and_then(Value::as_object), values) {
            (Some(fields), _) => {
                let field = |(field, schema): (&String, &Value)| {
                    (field.clone(), self.node(schema, "", &format!("{name}.{field}")))
                };
                let mut properties: Map<String, Value> = fields.iter().map(field).collect();
                for (_, camel, snake) in SPELLINGS.iter().filter(|(holder, ..)| *holder == name) {
                    if let Some(schema) = properties.get(*camel).cloned() {
                        properties.insert((*snake).to_owned(), schema);
                    }
                }
                properties.sort_keys();
                json!({ "type": "object", "properties": properties })
            }
            (None, Some(Value::Bool(true)) | None) => {
                json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
            }
            (None, Some(values)) => {
                let values = self.node(values, "", &format!("{place}{{}}"));
                json!({ "type": "object", "additionalProperties": values })
            }
        };
        if !name.is_empty() {
            exclude(&mut out, name);
            self.limit(&mut out, name);
        }
        out
    }

    fn limit(&self, node: &mut Value, place: &str) {
        for limit in self.limits.iter().filter(|(name, _)| *name == place).map(|(_, limit)| limit) {
            merge(node, limit);
        }
    }
}

/// Adds the oneofs of a message: at most one field of each.
fn exclude(node: &mut Value, name: &str) {
    // The fields of a type that is written as an enum stand in a type of their own.
    let is_of = |message: &str| message == name || message.strip_suffix("Fields") == Some(name);
    let Some((_, oneofs)) = ONEOFS.iter().find(|(message, _)| is_of(message)) else { return };
    let exactly_one_or_none = |fields: &&[&str]| {
        let set: Vec<Value> = fields.iter().map(|field| json!({ "required": [field] })).collect();
        let mut choices = vec![json!({ "not": { "anyOf": set.clone() } })];
        choices.extend(set);
        json!({ "oneOf": choices })
    };
    let mut rules: Vec<Value> = oneofs.iter().map(exactly_one_or_none).collect();
    match rules.as_mut_slice() {
        [only] => merge(node, &only.take()),
        _ => set(node, "allOf", Value::Array(rules)),
    }
}

/// Merges a limit into a node: lists grow, everything else is replaced.
fn merge(node: &mut Value, limit: &Value) {
    let Some(limit) = limit.as_object() else { return };
    for (key, value) in limit {
        match (node.get_mut(key), value) {
            (Some(Value::Array(list)), Value::Array(more)) if key != "enum" => {
                let new: Vec<Value> = more.iter().filter(|entry| !list.contains(entry)).cloned().collect();
                list.extend(new);
            }
            _ => set(node, key, value.clone()),
        }
    }
}

fn set(node: &mut Value, key: &str, value: Value) {
    if let Some(members) = node.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

/// The type of a node, and whether it may be `null`.
fn type_of(node: &Value) -> (&str, bool) {
    match node.get("type") {
        Some(Value::String(kind)) => (kind, false),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            (kinds.iter().copied().find(|kind| *kind != "null").unwrap_or("object"), kinds.contains(&"null"))
        }
        _ => ("string", false),
    }
}

/// A number or a boolean. Those that may be left out may be `null` too, as wrappers of protobuf may.
fn number(kind: &str, node: &Value, nullable: bool) -> Value {
    let mut out = json!({ "type": kind });
    match node.get("format").and_then(Value::as_str) {
        Some("uint32") => merge(&mut out, &json!({ "minimum": 0, "maximum": u32::MAX })),
        Some("uint64") => merge(&mut out, &json!({ "minimum": 0 })),
        Some(format @ ("int32" | "int64" | "double")) => set(&mut out, "format", json!(format)),
        _ => {}
    }
    if nullable {
        set(&mut out, "nullable", json!(true));
    }
    out
}

fn duration(place: &str) -> Value {
    if MAY_BE_ZERO.contains(&place) {
        return json!({ "type": "string", "format": "duration" });
    }
    let (message, rule) = ("must be a valid duration greater than 1ms", "duration(self) >= duration('1ms')");
    json!({ "type": "string", "x-kubernetes-validations": [{ "message": message, "rule": rule }] })
}

/// Collapses documented variants into an enum, and their documentation into the description.
fn enumerate(node: &mut Value, choices: &[Value]) {
    let mut names = Vec::new();
    let mut described = node.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    for choice in choices {
        // Variants without documentation of their own stand together.
        let more = choice.get("enum").and_then(Value::as_array).into_iter().flatten();
        let listed: Vec<Value> = choice.get("const").into_iter().chain(more).cloned().collect();
        if let (Some(name), Some(text)) =
            (listed.first().and_then(Value::as_str), choice.get("description").and_then(Value::as_str))
        {
            described.extend(["\n\n", name, ": ", text]);
        }
        names.extend(listed);
    }
    set(node, "type", json!("string"));
    set(node, "enum", Value::Array(names));
    set(node, "description", json!(described));
}
