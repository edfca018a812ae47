//! Checks values against the schema of a chart. It supports the keywords of JSON Schema that our charts use.

use serde_json::Value;

/// The errors of the values, by key.
pub(super) fn violations(values: &Value, schema: &Value) -> Vec<String> {
    let mut out = Vec::new();
    check(values, schema, "", &mut |key, problem| out.push(format!("{key} {problem}")));
    out
}

/// The comment of a key that belongs to another chart.
const OTHER: &str = "of another chart";
/// The comment of a map that has keys of other charts besides its own.
const FURTHER: &str = "further keys belong to other charts";
/// How the keys of a map are named that may be any.
const ANY: &str = "*";

/// Keys of the values that the schema does not know, or knows as those of another chart.
pub(super) fn unknown(values: &Value, schema: &Value) -> Vec<String> {
    let mut out = Vec::new();
    visit(values, schema, "", &mut out);
    out
}

/// All keys that the schema knows. A name that may be any is `*`.
pub(super) fn known(schema: &Value) -> Vec<String> {
    let mut out = Vec::new();
    collect(schema, "", &mut out);
    out
}

fn check(value: &Value, schema: &Value, key: &str, report: &mut impl FnMut(&str, String)) {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_a(value, name)) {
        return report(key, format!("must be of type {}, and is {value}", types.join(" or ")));
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        report(key, format!("must be one of {}, and is {value}", allowed.join(", ")));
    }
    if let (Some(number), Some(least)) = (value.as_f64(), schema["minimum"].as_f64())
        && number < least
    {
        report(key, format!("must be at least {least}, and is {value}"));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some(schema) = schema["properties"].get(name) {
            check(value, schema, &below(key, name), report);
        }
    }
}

fn visit(value: &Value, schema: &Value, key: &str, out: &mut Vec<String>) {
    let Some(values) = value.as_object() else { return };
    let further = &schema["additionalProperties"];
    for (name, value) in values {
        let below = below(key, name);
        match schema["properties"].get(name).or(Some(further).filter(|further| further.is_object())) {
            Some(schema) if schema["$comment"] == OTHER => out.push(below),
            Some(schema) => visit(value, schema, &below, out),
            None if *further == false || schema["$comment"] == FURTHER => out.push(below),
            None => {}
        }
    }
}

fn collect(schema: &Value, key: &str, out: &mut Vec<String>) {
    let further = Some(&schema["additionalProperties"]).filter(|further| further.is_object());
    let named = schema["properties"].as_object().into_iter().flatten();
    let named = named.map(|(name, schema)| (name.as_str(), schema));
    for (name, schema) in named.chain(further.map(|schema| (ANY, schema))) {
        if schema["$comment"] != OTHER {
            let below = below(key, name);
            collect(schema, &below, out);
            out.push(below);
        }
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}
