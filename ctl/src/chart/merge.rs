//! Values laid over values: maps are merged key by key, all else is replaced.

use serde_json::Value;

/// What is given over what is there by default, where null takes a key away.
pub(crate) fn over(default: &Value, given: &Value) -> Value {
    merge(default, given, true)
}

/// One layer over another; null stays, for what is below both.
pub(crate) fn layer(one: &Value, other: &Value) -> Value {
    merge(one, other, false)
}

fn merge(one: &Value, other: &Value, takes_away: bool) -> Value {
    let (Value::Object(below), Value::Object(above)) = (one, other) else { return other.clone() };
    let mut out = below.clone();
    for (key, value) in above {
        let merged = match (out.get(key), value) {
            (Some(_), Value::Null) if takes_away => None,
            (Some(below), value) => Some(merge(below, value, takes_away)),
            (None, value) => Some(value.clone()),
        };
        match merged {
            Some(merged) => drop(out.insert(key.clone(), merged)),
            None => drop(out.remove(key)),
        }
    }
    out.sort_keys();
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_takes_away_what_is_there() {
        let (one, other) = (json!({"a": {"b": 1, "c": [1]}, "d": 2}), json!({"a": {"b": null, "c": [2]}, "e": null}));
        assert_eq!(over(&one, &other), json!({"a": {"c": [2]}, "d": 2, "e": null}));
        assert_eq!(layer(&one, &other), json!({"a": {"b": null, "c": [2]}, "d": 2, "e": null}));
    }
}
