//! A hostile value somewhere in an object of the platform's own kinds, which have no schema here.

use serde_json::{Value, json};

use super::{dice::Dice, platform, tricky};

/// A Service, a Pod, an EndpointSlice or a Node of the mesh with a hostile value in one place.
pub(super) fn object(dice: &mut Dice) -> Value {
    let known = platform::known();
    let mut object = known[dice.below(known.len())].clone();
    let mut pointers = Vec::new();
    collect(&object, "", &mut pointers);
    if pointers.is_empty() {
        return object;
    }
    let pointer = &pointers[dice.below(pointers.len())];
    if let Some(value) = object.pointer_mut(pointer) {
        *value = match value {
            Value::String(text) => json!(tricky::text(Some(text), dice)),
            Value::Number(_) => json!(tricky::integer(dice)),
            Value::Bool(now) => json!(!*now),
            _ => Value::Null,
        };
    }
    object
}

/// Where there is no list and no object. What says which object it is stays.
fn collect(value: &Value, at: &str, found: &mut Vec<String>) {
    let is_identity = ["/kind", "/apiVersion", "/metadata/name", "/metadata/namespace"].contains(&at);
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                collect(inner, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(elements) => {
            for (index, inner) in elements.iter().enumerate() {
                collect(inner, &format!("{at}/{index}"), found);
            }
        }
        _ if is_identity => {}
        _ => found.push(at.to_owned()),
    }
}
