//! JSON Patch (RFC 6902), as an API server applies a webhook's answer.

use serde_json::Value;

/// The value with all operations applied; none where one does not apply.
pub(super) fn apply(mut whole: Value, operations: &Value) -> Option<Value> {
    for operation in operations.as_array()? {
        apply_one(&mut whole, operation)?;
    }
    Some(whole)
}

fn apply_one(whole: &mut Value, operation: &Value) -> Option<()> {
    let (name, path) = (operation.get("op")?.as_str()?, operation.get("path")?.as_str()?);
    let Some((parent, key)) = path.rsplit_once('/') else {
        *whole = operation.get("value").filter(|_| name != "remove")?.clone();
        return Some(());
    };
    let value = operation.get("value").cloned();
    match whole.pointer_mut(parent)? {
        Value::Array(list) => in_list(list, name, key.parse().ok()?, value),
        Value::Object(object) => {
            let key = key.replace("~1", "/").replace("~0", "~");
            match name {
                "remove" => object.shift_remove(&key).map(drop),
                "replace" => object.get_mut(&key).zip(value).map(|(there, value)| *there = value),
                "add" => value.map(|value| drop(object.insert(key, value))),
                _ => None,
            }
        }
        _ => None,
    }
}

fn in_list(list: &mut Vec<Value>, name: &str, at: usize, value: Option<Value>) -> Option<()> {
    match name {
        "remove" if at < list.len() => {
            list.remove(at);
            Some(())
        }
        "replace" => list.get_mut(at).zip(value).map(|(there, value)| *there = value),
        "add" if at <= list.len() => value.map(|value| list.insert(at, value)),
        _ => None,
    }
}
