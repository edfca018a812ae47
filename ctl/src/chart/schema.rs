//! Checks values against the schema of a chart. It supports the keywords of JSON Schema that our charts use.

use serde_json::Value;

/// The errors of the values, by key.
pub(super) fn violations(values: &Value, schema: &Value) -> Vec<String> {
    let mut out = Vec::new();
    check(values, schema, "", &mut |key, problem| out.push(format!("{key} {problem}")));
    out
}

/// Keys of the values that the schema does not know. A map without properties or with `additionalProperties` is open,
/// and all its keys are known.
pub(super) fn unknown(values: &Value, schema: &Value) -> Vec<String> {
    let mut out = Vec::new();
    visit(values, schema, "", &mut out);
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
    if schema["additionalProperties"] == true {
        return;
    }
    let (Some(values), Some(known)) = (value.as_object(), schema["properties"].as_object()) else { return };
    for (name, value) in values {
        match known.get(name) {
            Some(schema) => visit(value, schema, &below(key, name), out),
            None => out.push(below(key, name)),
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
