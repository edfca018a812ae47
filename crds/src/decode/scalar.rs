//! Numbers as protobuf's JSON takes them.

use serde_json::Value;

/// The largest whole number up to which every whole number has its own `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number of either sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    /// Zero or more.
    Unsigned(u64),
    /// Less than zero.
    Signed(i64),
}

/// `80`, `"80"`, `80.0` and `"8e1"` are all the number 80.
pub(super) fn integer(value: &Value) -> Option<Integer> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .map(Integer::Unsigned)
            .or_else(|| number.as_i64().map(Integer::Signed))
            .or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text
            .parse()
            .map(Integer::Unsigned)
            .or_else(|_| text.parse().map(Integer::Signed))
            .ok()
            .or_else(|| decimal(text).and_then(whole)),
        _ => None,
    }
}

/// A number, or a string that holds one; never infinite and never "not a number".
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        Value::String(text) => decimal(text),
        _ => None,
    }
}

/// The words of YAML 1.1 that `kubectl` takes for booleans. A reader of YAML leaves them as text, because `country: no`
/// is a text too: only the type can tell.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// What a value is, for an error.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("{value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.len() <= 64 => format!("the string {text:?}"),
        Value::String(text) => format!("a string of {} bytes", text.len()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn decimal(text: &str) -> Option<f64> {
    let starts_as_number = text.strip_prefix('-').unwrap_or(text).starts_with(|first: char| first.is_ascii_digit());
    if !starts_as_number {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn whole(number: f64) -> Option<Integer> {
    if number.fract() != 0.0 || number.abs() > EXACT {
        return None;
    }
    // The check above makes the conversion exact; text keeps it free of a lossy cast.
    let text = format!("{number:.0}");
    text.parse().map(Integer::Unsigned).or_else(|_| text.parse().map(Integer::Signed)).ok()
}
