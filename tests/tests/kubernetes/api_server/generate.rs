//! Objects made from the schemas, and pruned until they are valid.

use std::collections::BTreeSet;

use heddle_crds::kind::IstioKind;
use heddle_crds::schema;
use heddle_crds::validate::{self, Severity, Violation};
use serde_json::{Map, Value, json};

use super::chance::Chance;
use super::path;
use super::schema_values::SchemaValues;

/// How often a violation is taken out before the object is given up.
const PRUNINGS: usize = 80;

/// Makes objects of one kind.
pub(crate) struct Generator<'a> {
    /// The kind.
    pub(crate) kind: IstioKind,
    /// Its schema.
    pub(crate) schema: Value,
    words: &'a SchemaValues,
    /// A place that must be set, with all on the way to it.
    target: &'a str,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(kind: IstioKind, words: &'a SchemaValues) -> Self {
        Self { kind, schema: schema::spec(kind), words, target: "" }
    }

    /// The same for objects that hold a place.
    pub(crate) fn towards(&self, target: &'a str) -> Self {
        Self { schema: self.schema.clone(), target, ..*self }
    }

    /// A valid object, in which so many of a hundred optional fields were set before it was pruned.
    pub(crate) fn object(&self, density: usize, chance: &mut Chance) -> Option<Value> {
        let spec = self.node(&self.schema, self.kind.name(), density, chance);
        let mut object = self.of(&spec, chance);
        for _ in 0..PRUNINGS {
            let Some(wrong) = errors(&object).into_iter().next() else { return Some(object) };
            prune(&mut object, &wrong, chance)?;
        }
        None
    }

    /// A spec as an object, in any of the versions.
    pub(crate) fn of(&self, spec: &Value, chance: &mut Chance) -> Value {
        let info = self.kind.info();
        let version = chance.pick(info.versions).copied().unwrap_or(info.storage);
        json!({
            "apiVersion": format!("{}/{version}", info.group), "kind": self.kind.name(),
            "metadata": {"name": "it", "namespace": "default"}, "spec": spec,
        })
    }

    /// A value for a node of the schema.
    pub(crate) fn node(&self, node: &Value, place: &str, density: usize, chance: &mut Chance) -> Value {
        if let Some(names) = node.get("enum").and_then(Value::as_array) {
            let wanted = names.iter().find(|name| self.target == format!("{place}={}", name.as_str().unwrap_or("")));
            return wanted.or_else(|| chance.pick(names)).cloned().unwrap_or_default();
        }
        match node["type"].as_str().unwrap_or_default() {
            "object" if node.get("properties").is_some() => self.message(node, place, density, chance),
            "object" => {
                let Some(values) = node.get("additionalProperties") else {
                    return self.words.value(place, chance).unwrap_or_else(|| json!({"a": {"b": [1, "x", null]}}));
                };
                let entry =
                    |_| (self.words.key(place, chance), self.node(values, &format!("{place}{{}}"), density, chance));
                (0..=usize::from(density > 50)).map(entry).collect()
            }
            "array" => {
                let least = node["minItems"].as_u64().map_or(1, |least| usize::try_from(least).unwrap_or(1));
                let element = |_| self.node(&node["items"], &format!("{place}[]"), density, chance);
                (0..least + chance_of_more(density)).map(element).collect()
            }
            "boolean" => json!(chance.percent(50)),
            "string" => self.words.value(place, chance).filter(Value::is_string).unwrap_or_else(|| json!("a")),
            _ => match self.words.value(place, chance) {
                Some(number) if chance.percent(80) && number.is_number() => number,
                _ => {
                    let least = node["minimum"].as_u64().unwrap_or(1);
                    let most = node["maximum"].as_u64().unwrap_or(100).min(least + 1000);
                    json!(least + chance.below(usize::try_from(most - least + 1).unwrap_or(1)) as u64)
                }
            },
        }
    }

    fn message(&self, node: &Value, place: &str, density: usize, chance: &mut Chance) -> Value {
        let required = schema::required(node);
        let mut left_out = BTreeSet::new();
        for fields in oneofs(node) {
            let chosen = chance.below(fields.len());
            left_out
                .extend(fields.into_iter().enumerate().filter(|(index, _)| *index != chosen).map(|(_, field)| field));
        }
        let mut members = Map::new();
        for (name, field) in node["properties"].as_object().into_iter().flatten() {
            let place = format!("{place}.{name}");
            let wanted = required.contains(&name.as_str()) || self.leads(&place) || chance.percent(density);
            if wanted && !left_out.contains(name.as_str()) {
                members.insert(name.clone(), self.node(field, &place, density, chance));
            }
        }
        Value::Object(members)
    }

    /// Whether a place is the target, or on the way to it.
    fn leads(&self, place: &str) -> bool {
        self.target.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{', '=']))
    }
}

/// What an object is refused for.
pub(crate) fn errors(object: &Value) -> Vec<Violation> {
    let mut found = validate::object(object);
    found.retain(|violation| violation.severity == Severity::Error);
    found
}

/// The fields of each oneof of a message.
pub(crate) fn oneofs(node: &Value) -> Vec<Vec<&str>> {
    let nested = node["allOf"].as_array().into_iter().flatten();
    let groups = nested.chain([node]).filter_map(|holder| holder["oneOf"].as_array());
    groups.map(|choices| choices.iter().flat_map(schema::required).collect()).collect()
}

/// Everything that a value sets, by place: fields, and names of enums.
pub(crate) fn covers(node: &Value, value: &Value, place: &str, out: &mut BTreeSet<String>) {
    match value {
        Value::Array(elements) => {
            for element in elements {
                covers(&node["items"], element, &format!("{place}[]"), out);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                if let Some(values) = node.get("additionalProperties") {
                    covers(values, value, &format!("{place}{{}}"), out);
                } else if let Some(field) = node["properties"].get(name) {
                    let place = format!("{place}.{name}");
                    covers(field, value, &place, out);
                    out.insert(place);
                }
            }
        }
        Value::String(name) if node.get("enum").is_some() => {
            out.insert(format!("{place}={name}"));
        }
        _ => {}
    }
}

/// Everything that a schema has, in the same words.
pub(crate) fn places(node: &Value, place: &str, out: &mut BTreeSet<String>) {
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let Some(inner) = node.get(key) {
            places(inner, &format!("{place}{mark}"), out);
        }
    }
    for name in node["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        out.insert(format!("{place}={name}"));
    }
    for (name, field) in node["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        places(field, &place, out);
        out.insert(place);
    }
}

/// Takes out what a violation names, or what is around it, with what would be left empty; none when nothing is left.
fn prune(object: &mut Value, wrong: &Violation, chance: &mut Chance) -> Option<()> {
    let mut at = path::existing(object, &path::parse(&wrong.path));
    if at.len() > 2 && chance.percent(15) {
        at.pop();
    }
    if at.len() < 2 {
        let names: Vec<String> = object["spec"].as_object()?.keys().cloned().collect();
        at = vec![path::Step::Key("spec".to_owned()), path::Step::Key(chance.pick(&names)?.clone())];
    }
    while at.len() > 1 {
        path::remove(object, &at);
        at.pop();
        let is_empty = |value: &Value| match value {
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !path::get(object, &at).is_some_and(is_empty) {
            break;
        }
    }
    Some(())
}

fn chance_of_more(density: usize) -> usize {
    usize::from(density > 40)
}
