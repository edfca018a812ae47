//! The documents of a YAML file, with every byte between them.

use anyhow::{Context, anyhow};
use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

/// One document.
pub(super) struct Document<'a> {
    /// Its first line, from 1.
    pub(super) line: usize,
    /// The line of `---` that begins it; empty in the first.
    pub(super) head: &'a str,
    /// The rest, up to the next such line.
    pub(super) body: &'a str,
}

/// Cuts a file at its lines of `---`. The parts, put together, are the file.
pub(super) fn split(text: &str) -> Vec<Document<'_>> {
    let mut out = Vec::new();
    let (mut start, mut head, mut first, mut offset) = (0, 0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty() || rest.trim().starts_with('#')) {
            out.push(part(text, start, head, offset, first));
            (start, head, first) = (offset, line.len(), index + 1);
        } else if line.strip_prefix("---").is_some_and(|rest| rest.starts_with([' ', '\t'])) {
            // What follows on the line of the mark belongs to the document.
            out.push(part(text, start, head, offset, first));
            (start, head, first) = (offset, 0, index + 1);
        }
        offset += line.len();
    }
    out.push(part(text, start, head, text.len(), first));
    out
}

fn part(text: &str, start: usize, head: usize, end: usize, line: usize) -> Document<'_> {
    let whole = text.get(start..end).unwrap_or_default();
    let (head, body) = whole.split_at_checked(head).unwrap_or(("", whole));
    Document { line, head, body }
}

/// Reads one document; `<<` is merged, as kubectl does.
pub(super) fn parse(text: &str) -> anyhow::Result<Value> {
    let mut yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(text)?;
    yaml.apply_merge().context("a merge key `<<`")?;
    json(yaml, 0).map_err(|reason| anyhow!(reason))
}

/// Most levels of a document.
const DEEPEST: usize = 128;

/// YAML as JSON; `depth` is how many levels are above it.
fn json(yaml: Yaml, depth: usize) -> Result<Value, String> {
    if depth > DEEPEST {
        return Err(format!("the document has more than {DEEPEST} levels"));
    }
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::String(value) => Value::String(value),
        Yaml::Number(number) => number_to_json(&number)?,
        Yaml::Sequence(list) => {
            Value::Array(list.into_iter().map(|item| json(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut members = Map::new();
            for (key, value) in entries {
                members.insert(key_to_text(key)?, json(value, depth + 1)?);
            }
            Value::Object(members)
        }
        Yaml::Tagged(tagged) => return Err(format!("the tag {} has no meaning here", tagged.tag)),
    })
}

fn number_to_json(number: &serde_yaml_ng::Number) -> Result<Value, String> {
    if let Some(whole) = number.as_u64() {
        return Ok(whole.into());
    }
    if let Some(whole) = number.as_i64() {
        return Ok(whole.into());
    }
    let float = number.as_f64().and_then(serde_json::Number::from_f64);
    float.map(Value::Number).ok_or_else(|| format!("{number} is not a number of JSON"))
}

/// Keys of JSON are texts; numbers and booleans become such, as kubectl does it.
fn key_to_text(key: Yaml) -> Result<String, String> {
    match key {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        _ => Err("a key is neither a text nor a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_file() {
        let text = "# head\na: 1\n---\n---  \nb: |\n  ---\n--- # c\nd: 2\n--- {e: 3}\n--- \nf: 4";
        let parts = split(text);
        let joined: String = parts.iter().flat_map(|part| [part.head, part.body]).collect();
        assert_eq!(joined, text);
        let lines: Vec<usize> = parts.iter().map(|part| part.line).collect();
        assert_eq!(lines, [1, 3, 4, 7, 9, 10]);
        let values: Vec<Value> = parts.iter().map(|part| parse(part.body).unwrap()).collect();
        assert_eq!(values[4], serde_json::json!({"e": 3}));
    }

    #[test]
    fn merge_keys_are_merged() {
        assert_eq!(parse("a: &x {b: 1}\nc:\n  <<: *x\n").unwrap()["c"], serde_json::json!({"b": 1}));
    }
}
