//! Merges values. Maps are merged key by key, and everything else is replaced.

use serde_json::Value;

/// Merges given values over the defaults. A null removes a key.
pub(crate) fn over(default: &Value, given: &Value) -> Value {
    merge(default, given, true)
}

/// Merges one layer over another. A null stays, because it may remove a key of a lower layer.
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
