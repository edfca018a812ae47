//! The functions of Helm that our templates call.

use anyhow::{Context, Result, bail};
use heddle_yaml::Schema;
use serde_json::{Map, Value, json};

use super::merge;

/// Calls a function.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value> {
    Ok(match (name, arguments) {
        ("not", [value]) => json!(!is_true(value)),
        ("and", [.., last]) => arguments.iter().find(|value| !is_true(value)).unwrap_or(last).clone(),
        ("or", [.., last]) => arguments.iter().find(|value| is_true(value)).unwrap_or(last).clone(),
        ("eq", [one, other]) => json!(one == other),
        ("ne", [one, other]) => json!(one != other),
        ("default", [default, value]) => if is_true(value) { value } else { default }.clone(),
        ("list", list) => Value::Array(list.to_vec()),
        ("concat", lists) => Value::Array(lists.iter().filter_map(Value::as_array).flatten().cloned().collect()),
        ("dict", pairs) => dict(pairs)?,
        ("deepCopy", [value]) => value.clone(),
        // If both maps have a key, `merge` takes the first value and `mergeOverwrite` takes the last.
        ("merge", [first, rest @ ..]) => rest.iter().fold(first.clone(), |one, other| merge::layer(other, &one)),
        ("mergeOverwrite", [first, rest @ ..]) => {
            rest.iter().fold(first.clone(), |one, other| merge::layer(&one, other))
        }
        ("get" | "index", [Value::Object(map), Value::String(key)]) => map.get(key).cloned().unwrap_or_default(),
        ("contains", [Value::String(part), value]) => json!(text(value).contains(part.as_str())),
        ("fromYaml" | "fromYamlArray", [Value::String(text)]) => from_yaml(text)?,
        ("hasKey", [Value::Object(map), Value::String(key)]) => json!(map.contains_key(key)),
        ("has", [item, Value::Array(list)]) => json!(list.contains(item)),
        ("set", [Value::Object(map), Value::String(key), value]) => with(map, key, value),
        ("kindIs", [Value::String(kind), value]) => json!(kind == kind_of(value)),
        ("kindOf", [value]) => json!(kind_of(value)),
        _ => Value::String(of_text(name, arguments)?),
    })
}

/// Whether a value counts as true. Null, false, 0 and empty values count as false.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// The kind of a value, as Go calls it.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

fn with(map: &Map<String, Value>, key: &str, value: &Value) -> Value {
    let mut map = map.clone();
    map.insert(key.to_owned(), value.clone());
    Value::Object(map)
}

/// The text of a value. Null is the empty text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The functions that return a string.
fn of_text(name: &str, arguments: &[Value]) -> Result<String> {
    Ok(match (name, arguments) {
        ("quote", [Value::Null]) => String::new(),
        ("quote", [value]) => Value::String(text(value)).to_string(),
        ("toString", [value]) => text(value),
        ("join", [Value::String(separator), Value::Array(list)]) => {
            list.iter().map(text).collect::<Vec<_>>().join(separator)
        }
        ("toYaml", [value]) => heddle_yaml::write(&ordered(value)).trim_end_matches('\n').to_owned(),
        ("toPrettyJson", [value]) => in_html(&serde_json::to_string_pretty(&ordered(value))?),
        ("nindent", [Value::Number(width), value]) => format!("\n{}", indented(width.as_u64(), &text(value))),
        ("printf", [Value::String(format), values @ ..]) => formatted(format, values)?,
        ("trimSuffix", [Value::String(end), value]) => {
            let value = text(value);
            value.strip_suffix(end).unwrap_or(&value).to_owned()
        }
        ("trimPrefix", [Value::String(start), value]) => {
            let value = text(value);
            value.strip_prefix(start).unwrap_or(&value).to_owned()
        }
        ("base", [value]) => text(value).rsplit('/').next().unwrap_or_default().to_owned(),
        _ => bail!("the function is unknown, or its arguments are wrong"),
    })
}

fn from_yaml(text: &str) -> Result<Value> {
    Ok(heddle_yaml::values(text, Schema::Yaml11)?.into_iter().next().unwrap_or_default())
}

fn dict(pairs: &[Value]) -> Result<Value> {
    let mut map = Map::new();
    for pair in pairs.chunks(2) {
        let [Value::String(key), value] = pair else { bail!("`dict` needs pairs of a key and a value") };
        map.insert(key.clone(), value.clone());
    }
    Ok(Value::Object(map))
}

/// Writes maps sorted by key, as Go does.
fn ordered(value: &Value) -> Value {
    let mut value = value.clone();
    value.sort_all_objects();
    value
}

/// Escapes JSON for HTML, as Go does.
fn in_html(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn indented(width: Option<u64>, text: &str) -> String {
    let margin = " ".repeat(width.and_then(|width| usize::try_from(width).ok()).unwrap_or_default());
    text.split('\n').map(|line| format!("{margin}{line}")).collect::<Vec<_>>().join("\n")
}

fn formatted(format: &str, values: &[Value]) -> Result<String> {
    let mut values = values.iter();
    let mut parts = format.split("%s");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(&text(values.next().context("`printf` has fewer values than its format needs")?));
        out.push_str(part);
    }
    Ok(out)
}
