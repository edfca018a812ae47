//! A hostile value in a field of an object.

use serde_json::{Value, json};

use super::template::{self, MESH_CONFIG, Step, TEMPLATES};
use super::{dice::Dice, tricky, words};

/// How many fields there are.
#[must_use]
pub fn count() -> u64 {
    TEMPLATES.iter().map(|kind| kind.fields.len() as u64).sum()
}

/// An object with a hostile value in the field of this number. The numbers go round all fields of all kinds.
pub(super) fn object(number: u64, dice: &mut Dice) -> Value {
    let mut at = usize::try_from(number % count().max(1)).unwrap_or_default();
    for kind in TEMPLATES.iter() {
        if let Some(field) = kind.fields.get(at) {
            let mut object = kind.objects[dice.below(kind.objects.len())].clone();
            put(&mut object["spec"], (&kind.schema, field), &mut Vec::new(), dice);
            return finish(object, dice);
        }
        at -= kind.fields.len();
    }
    Value::Null
}

/// Goes on to the field, puts what it stands in where that is missing, and then the value.
fn put(here: &mut Value, (schema, steps): (&Value, &[Step]), names: &mut Vec<String>, dice: &mut Dice) {
    let Some((step, rest)) = steps.split_first() else {
        *here = hostile(here, schema, dice);
        return;
    };
    let inner = match step {
        Step::Member(name) => {
            names.push(name.clone());
            &schema["properties"][name]
        }
        Step::Element => &schema["items"],
        Step::Entry => &schema["additionalProperties"],
    };
    let missing = template::holder(names, inner);
    put(within(here, (schema, step), missing, dice), (inner, rest), names, dice);
}

/// What a step leads to; it is added where it is missing.
fn within<'v>(here: &'v mut Value, (schema, step): (&Value, &Step), missing: Value, dice: &mut Dice) -> &'v mut Value {
    if matches!(step, Step::Element) {
        if here.as_array().is_none_or(Vec::is_empty) {
            *here = json!([missing]);
        }
        let at = dice.below(here.as_array().map_or(1, Vec::len));
        return &mut here[at];
    }
    if !here.is_object() {
        *here = json!({});
    }
    let key = if let Step::Member(name) = step {
        for other in template::excluded(schema, name) {
            here[other] = Value::Null;
        }
        name.clone()
    } else {
        let known = here.as_object().and_then(|entries| entries.keys().next().cloned());
        known.filter(|_| !dice.once_in(3)).unwrap_or_else(|| tricky::text(None, dice))
    };
    let value = &mut here[key];
    if value.is_null() {
        *value = missing;
    }
    value
}

/// A value that is hostile to its type.
fn hostile(now: &Value, schema: &Value, dice: &mut Dice) -> Value {
    let choices = schema["enum"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !choices.is_empty() && !dice.once_in(4) {
        return choices[dice.below(choices.len())].clone();
    }
    match schema["type"].as_str().unwrap_or_default() {
        "integer" => json!(tricky::integer(dice)),
        "number" => json!(tricky::number(dice)),
        "boolean" => json!(now != &json!(true)),
        "string" => json!(tricky::text(now.as_str(), dice)),
        "array" => {
            let elements = now.as_array().cloned().unwrap_or_default();
            match dice.below(4) {
                0 => json!([]),
                1 => json!([null]),
                2 => repeated(elements, 40),
                _ => repeated(elements, 2),
            }
        }
        _ => json!({}),
    }
}

fn repeated(elements: Vec<Value>, times: usize) -> Value {
    std::iter::repeat_n(elements, times).flatten().collect()
}

/// Gives the object another owner or age, some times. A MeshConfig becomes a ConfigMap.
fn finish(mut object: Value, dice: &mut Dice) -> Value {
    if object["kind"] == MESH_CONFIG {
        let meta = json!({"name": "istio", "namespace": "istio-system"});
        let mesh = object["spec"].to_string();
        return json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"mesh": mesh}});
    }
    if dice.once_in(4) {
        object["metadata"]["namespace"] = json!(words::namespace(dice));
    }
    if dice.once_in(3) {
        object["metadata"]["creationTimestamp"] = json!(format!("2025-01-0{}T00:00:00Z", 1 + dice.below(4)));
    }
    object
}
