//! The difference of two JSON values as a JSON patch (RFC 6902), which is how a webhook answers.

use serde_json::{Value, json};

/// The operations that make `after` of `before`, in order. Lists are compared from both ends, so that a container that
/// comes first does not rewrite the others.
#[must_use]
pub fn patch(before: &Value, after: &Value) -> Value {
    let mut operations = Vec::new();
    differ("", before, after, &mut operations);
    Value::Array(operations)
}

fn differ(path: &str, before: &Value, after: &Value, out: &mut Vec<Value>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                let path = format!("{path}/{}", escape(key));
                match after.get(key) {
                    Some(now) => differ(&path, value, now, out),
                    None => out.push(json!({"op": "remove", "path": path})),
                }
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                out.push(json!({"op": "add", "path": format!("{path}/{}", escape(key)), "value": value}));
            }
        }
        (Value::Array(before), Value::Array(after)) => differ_lists(path, before, after, out),
        _ => out.push(json!({"op": "replace", "path": path, "value": after})),
    }
}

fn differ_lists(path: &str, before: &[Value], after: &[Value], out: &mut Vec<Value>) {
    let start = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let rest = (before.iter().skip(start).rev()).zip(after.iter().skip(start).rev());
    let end = rest.take_while(|(a, b)| a == b).count();
    let (old, new) = (before.len() - start - end, after.len() - start - end);
    let both = old.min(new);
    for at in start..start + both {
        if let (Some(old), Some(new)) = (before.get(at), after.get(at)) {
            differ(&format!("{path}/{at}"), old, new, out);
        }
    }
    for _ in both..old {
        out.push(json!({"op": "remove", "path": format!("{path}/{}", start + both)}));
    }
    for (offset, value) in after.iter().skip(start).take(new).enumerate().skip(both) {
        out.push(json!({"op": "add", "path": format!("{path}/{}", start + offset), "value": value}));
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
