//! Parses the values of `--set` as Helm does: `a.b=c,d[0]=e,f={g,h}`.

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value};

/// The longest list that an index may create.
const LONGEST: usize = 1024;
/// The deepest key.
const DEEPEST: usize = 32;

/// Merges the assignments of one argument over the values. With `texts` every value is a string.
pub(crate) fn set(values: &mut Value, argument: &str, texts: bool) -> Result<()> {
    for assignment in split(argument, ',', true) {
        let parts = split(&assignment, '=', false);
        let [key, value @ ..] = parts.as_slice() else { bail!("{argument:?} has no key") };
        ensure!(!value.is_empty(), "{assignment:?} has no `=`");
        let steps = steps(key)?;
        put(values, &steps, read(&value.join("="), texts));
    }
    Ok(())
}

/// One step of a key.
enum Step {
    Key(String),
    Index(usize),
}

/// Splits at a mark without a `\` before it. With `nest`, marks within braces do not count. Backslashes stay.
fn split(text: &str, mark: char, nest: bool) -> Vec<String> {
    let (mut parts, mut depth, mut escaped) = (vec![String::new()], 0_usize, false);
    for c in text.chars() {
        let plain = !escaped;
        escaped = plain && c == '\\';
        match c {
            '{' if plain && nest => depth += 1,
            '}' if plain && nest => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == mark && plain && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

fn steps(key: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for part in split(key, '.', false) {
        let (name, mut indices) = part.split_once('[').map_or((part.as_str(), ""), |(name, rest)| (name, rest));
        ensure!(!name.is_empty(), "{key:?} has an empty name");
        steps.push(Step::Key(unescaped(name)));
        while !indices.is_empty() {
            let Some((index, rest)) = indices.split_once(']') else { bail!("{key:?} has a `[` without a `]`") };
            let index = index.parse().ok().filter(|index| *index < LONGEST);
            let Some(index) = index else { bail!("the index in {key:?} must be a number below {LONGEST}") };
            steps.push(Step::Index(index));
            indices = rest.strip_prefix('[').unwrap_or(rest);
        }
    }
    ensure!(steps.len() <= DEEPEST, "{key:?} has more than {DEEPEST} levels");
    Ok(steps)
}

fn put(at: &mut Value, steps: &[Step], value: Value) {
    match steps.split_first() {
        None => *at = value,
        Some((Step::Key(name), rest)) => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            if let Value::Object(map) = at {
                put(map.entry(name.clone()).or_insert(Value::Null), rest, value);
            }
        }
        Some((Step::Index(index), rest)) => {
            if !at.is_array() {
                *at = Value::Array(Vec::new());
            }
            if let Value::Array(list) = at {
                list.resize(list.len().max(index + 1), Value::Null);
                if let Some(item) = list.get_mut(*index) {
                    put(item, rest, value);
                }
            }
        }
    }
}

fn read(text: &str, texts: bool) -> Value {
    if let Some(list) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        let items = split(list, ',', false).into_iter().filter(|_| !list.is_empty());
        return Value::Array(items.map(|item| scalar(&item, texts)).collect());
    }
    scalar(text, texts)
}

fn scalar(text: &str, texts: bool) -> Value {
    let number = || text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    match text {
        _ if texts => unescaped(text).into(),
        "true" => true.into(),
        "false" => false.into(),
        "null" => Value::Null,
        _ => number().map_or_else(|| unescaped(text).into(), Value::from),
    }
}

fn unescaped(text: &str) -> String {
    let (mut out, mut escaped) = (String::new(), false);
    for c in text.chars() {
        escaped = c == '\\' && !escaped;
        if !escaped {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_those_of_helm() {
        let mut values = json!({"a": {"b": 1}, "list": ["x"]});
        set(&mut values, "a.c=2,a.d=x=y,list[1].n=true,e={f,3},g=,h=null,i=007,j={}", false).unwrap();
        set(&mut values, r"nodeSelector.kubernetes\.io/role=m\,n", false).unwrap();
        set(&mut values, "k=1", true).unwrap();
        let want = json!({
            "a": {"b": 1, "c": 2, "d": "x=y"}, "list": ["x", {"n": true}], "e": ["f", 3], "g": "", "h": null,
                "i": "007", "j": [],
            "nodeSelector": {"kubernetes.io/role": "m,n"}, "k": "1",
        });
        assert_eq!(values, want);
    }

    #[test]
    fn what_is_no_assignment_is_refused() {
        for text in ["a", "", "a[b]=1", "a[99999]=1", ".a=1", "a[0=1"] {
            assert!(set(&mut json!({}), text, false).is_err(), "{text:?}");
        }
    }
}
