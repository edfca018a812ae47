//! A schema's nodes in words, for the command line and the reference.

use serde_json::Value;

/// The type of a node: `string`, `[]object`, `map[string]integer`.
#[must_use]
pub fn type_name(node: &Value) -> String {
    if let Some(items) = node.get("items") {
        return format!("[]{}", type_name(items));
    }
    if let Some(values) = node.get("additionalProperties") {
        return format!("map[string]{}", type_name(values));
    }
    let is_enum = node.get("enum").is_some();
    let is_duration = rules(node).any(|(_, rule)| rule.starts_with("duration("))
        || node.get("format").is_some_and(|format| format == "duration");
    match node.get("type").and_then(Value::as_str) {
        _ if is_enum => "enum".to_owned(),
        _ if is_duration => "duration".to_owned(),
        Some(name) => name.to_owned(),
        None => "any".to_owned(),
    }
}

/// The fields that a node must have.
#[must_use]
pub fn required(node: &Value) -> Vec<&str> {
    node.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What a node's value is held to, a phrase each.
#[must_use]
pub fn limits_of(node: &Value) -> Vec<String> {
    let is_exclusive = node.get("exclusiveMinimum").is_some_and(|value| *value == true);
    let words = [
        ("minimum", if is_exclusive { "more than" } else { "at least" }),
        ("maximum", "at most"),
        ("minLength", "letters at least"),
        ("maxLength", "letters at most"),
        ("minItems", "entries at least"),
        ("maxItems", "entries at most"),
        ("minProperties", "entries at least"),
        ("maxProperties", "entries at most"),
        ("pattern", "matches"),
    ];
    let mut limits: Vec<String> = words
        .into_iter()
        .filter_map(|(key, word)| node.get(key).map(|value| (key, word, value)))
        // The range of the type itself is no limit of the field.
        .filter(|(key, _, value)| {
            !(*key == "minimum" && **value == 0 && !is_exclusive || *key == "maximum" && **value == u32::MAX)
        })
        // A pattern is quoted: in a page its brackets would be a link.
        .map(|(_, word, value)| {
            format!("{word} {}", value.as_str().map_or_else(|| value.to_string(), |p| format!("`{p}`")))
        })
        .collect();
    if let Some(names) = node.get("enum").and_then(Value::as_array) {
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        limits.push(format!("one of {}", names.join(", ")));
    }
    limits.extend(exclusions(node));
    limits.extend(rules(node).map(|(message, _)| message.to_owned()));
    limits
}

/// Rules in CEL, with what is said when they are broken.
fn rules(node: &Value) -> impl Iterator<Item = (&str, &str)> {
    let list = node.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|rule| Some((rule.get("message")?.as_str()?, rule.get("rule")?.as_str()?)))
}

/// Which fields exclude each other.
fn exclusions(node: &Value) -> Vec<String> {
    let nested = node.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let groups = nested.chain([node]).filter_map(|holder| holder.get("oneOf").and_then(Value::as_array));
    let words = |choices: &Vec<Value>| {
        let fields: Vec<&str> = choices.iter().flat_map(required).collect();
        let many = choices.iter().any(|choice| choice.get("not").is_some());
        format!("{} one of {}", if many { "at most" } else { "exactly" }, fields.join(", "))
    };
    groups.map(words).collect()
}
