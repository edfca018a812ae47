//! Breaks valid objects, in the ways in which people and programs do.

use serde_json::{Value, json};

use super::chance::Chance;
use super::generate::{Generator, oneofs};
use super::path::{self, Step};

/// Texts that some rule minds: wildcards, empty ones, URLs, sockets, addresses, durations, numbers, letters beyond
/// ASCII.
const TEXTS: [&str; 36] = [
    "",
    "*",
    "a*",
    "*.",
    "a/b",
    "/",
    "-a",
    "a-",
    "A.b",
    "a..b",
    "a b",
    "é",
    "mesh",
    "0",
    "80",
    "-1",
    "99999",
    "::1",
    "10.0.0.0/8",
    "10.0.0.0/33",
    "unix://",
    "unix:///a",
    "unix://@a",
    "unix:///a/",
    "unix://a",
    "http://",
    "https://a/b",
    "ftp://a",
    "oci://a:b/c:v1",
    "0s",
    "1ns",
    "-5s",
    "1h1m",
    "5",
    "1d",
    "http://a b",
];

/// A place in an object with the schema of what stands there.
struct Node<'a> {
    at: Vec<Step>,
    schema: &'a Value,
}

/// Breaks one thing of an object, and says what; nothing when there is nothing to break in the way that chance chose.
pub(crate) fn mutate(object: &mut Value, generator: &Generator<'_>, chance: &mut Chance) -> Option<String> {
    let mut nodes = Vec::new();
    collect(&generator.schema, &object["spec"], &mut vec![Step::Key("spec".to_owned())], &mut nodes);
    let node = chance.pick(&nodes)?;
    let at = format!("{:?}", node.at);
    let value = path::get_mut(object, &node.at)?;
    let done = match chance.below(10) {
        0 => of_another_type(value, chance),
        1 => Some(null(value)),
        2 | 3 => out_of_bounds(node.schema, value, chance),
        4 => member(node.schema, value, chance),
        5 => without(object, node, chance),
        6 => both_arms(generator, node, object, chance),
        7 | 8 => text(value, chance),
        _ => doubled(value, chance),
    }?;
    Some(format!("{done} at {at}"))
}

fn collect<'a>(schema: &'a Value, value: &Value, at: &mut Vec<Step>, out: &mut Vec<Node<'a>>) {
    out.push(Node { at: at.clone(), schema });
    let mut inner = |step: Step, schema: Option<&'a Value>, value: &Value| {
        let Some(schema) = schema else { return };
        at.push(step);
        collect(schema, value, at, out);
        at.pop();
    };
    match value {
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, e)| inner(Step::Index(index), schema.get("items"), e));
        }
        Value::Object(members) => {
            for (key, value) in members {
                let field = schema["properties"].get(key).or_else(|| schema.get("additionalProperties"));
                inner(Step::Key(key.clone()), field, value);
            }
        }
        _ => {}
    }
}

fn of_another_type(value: &mut Value, chance: &mut Chance) -> Option<String> {
    let others = [
        json!("80"),
        json!("yes"),
        json!("true"),
        json!(1),
        json!(1.5),
        json!(true),
        json!([]),
        json!({}),
        json!(["a"]),
        json!({"a": "b"}),
        json!([[]]),
    ];
    *value = chance.pick(&others)?.clone();
    Some("another type".to_owned())
}

fn null(value: &mut Value) -> String {
    *value = Value::Null;
    "null".to_owned()
}

/// One more, or one less, than the schema allows; or far off.
fn out_of_bounds(schema: &Value, value: &mut Value, chance: &mut Chance) -> Option<String> {
    let size = |key: &str| schema[key].as_u64().and_then(|size| usize::try_from(size).ok());
    match value {
        Value::Number(_) => {
            let (least, most) = (schema["minimum"].as_i64().unwrap_or(0), schema["maximum"].as_i64().unwrap_or(65_535));
            let others = [
                least - 1,
                least,
                most,
                most.saturating_add(1),
                0,
                -1,
                70_000,
                i64::from(i32::MAX) + 1,
                i64::from(u32::MAX) + 1,
                i64::MAX,
            ];
            *value = json!(chance.pick(&others)?);
        }
        Value::String(text) if schema.get("enum").is_some() => {
            let others = [text.to_lowercase(), format!("{text}S"), String::new()];
            text.clone_from(chance.pick(&others)?);
        }
        Value::String(text) => {
            let most = size("maxLength").unwrap_or(300).min(70_000);
            *text = "a".repeat(most + chance.below(2));
        }
        Value::Array(elements) => {
            let most = size("maxItems").filter(|most| *most <= 600)?;
            let one = elements.first()?.clone();
            elements.resize(most + chance.below(2), one);
        }
        Value::Object(members) if schema.get("additionalProperties").is_some() => {
            let most = size("maxProperties").filter(|most| *most <= 300)?;
            let one = members.values().next()?.clone();
            (0..=most).for_each(|number| drop(members.insert(format!("k{number}"), one.clone())));
        }
        _ => return None,
    }
    Some("out of bounds".to_owned())
}

/// A field that does not exist, one in another spelling, or a key of a map that may not be.
fn member(schema: &Value, value: &mut Value, chance: &mut Chance) -> Option<String> {
    let members = value.as_object_mut()?;
    if schema.get("additionalProperties").is_some() {
        let key = *chance.pick(&["", "*", "0", "65536", "a/b", "-a", "a b", "8O"])?;
        let one = members.values().next()?.clone();
        members.insert(key.to_owned(), one);
        return Some(format!("the key {key:?}"));
    }
    schema.get("properties")?;
    let names: Vec<String> = members.keys().cloned().collect();
    let known = chance.pick(&names).filter(|_| chance.clone().percent(50));
    let name = known.map_or("bogus".to_owned(), |name| snake(name));
    let one = known.and_then(|known| members.shift_remove(known)).unwrap_or(json!(1));
    members.insert(name.clone(), one);
    Some(format!("the field {name}"))
}

/// Without a field, or a field's list or map emptied.
fn without(object: &mut Value, node: &Node<'_>, chance: &mut Chance) -> Option<String> {
    let value = path::get_mut(object, &node.at)?;
    match value {
        Value::Array(elements) if chance.percent(50) => elements.clear(),
        Value::Object(members) if chance.percent(50) => members.clear(),
        _ => path::remove(object, &node.at),
    }
    Some("left out".to_owned())
}

/// A second field of a oneof, or any field more.
fn both_arms(generator: &Generator<'_>, node: &Node<'_>, object: &mut Value, chance: &mut Chance) -> Option<String> {
    let fields: Vec<&str> = match oneofs(node.schema).into_iter().flatten().collect::<Vec<_>>() {
        fields if fields.is_empty() => node.schema["properties"].as_object()?.keys().map(String::as_str).collect(),
        fields => fields,
    };
    let field = *chance.pick(&fields)?;
    let made = generator.node(&node.schema["properties"][field], &format!("?.{field}"), 30, chance);
    path::get_mut(object, &node.at)?.as_object_mut()?.insert(field.to_owned(), made);
    Some(format!("{field} as well"))
}

fn text(value: &mut Value, chance: &mut Chance) -> Option<String> {
    let Value::String(text) = value else { return None };
    let other = *chance.pick(&TEXTS)?;
    other.clone_into(text);
    Some(format!("the text {other:?}"))
}

fn doubled(value: &mut Value, chance: &mut Chance) -> Option<String> {
    let elements = value.as_array_mut()?;
    let one = chance.pick(elements)?.clone();
    elements.push(one);
    Some("an element twice".to_owned())
}

fn snake(name: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_uppercase() { format!("_{}", letter.to_ascii_lowercase()) } else { letter.to_string() }
    };
    name.chars().map(letter).collect()
}
