//! The documents of a YAML file, as JSON.

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

/// Largest file that is read; the API server takes 1.5 MiB an object.
const LARGEST: usize = 64 << 20;

/// One document, or one item of a List.
pub(in crate::cmd) struct Document {
    /// Its first line, from 1.
    pub(in crate::cmd) line: usize,
    /// What it holds, or why it cannot be read.
    pub(in crate::cmd) content: Result<Value, String>,
}

/// Reads all documents of a file; empty ones are left out.
pub(in crate::cmd) fn read(text: &[u8]) -> Vec<Document> {
    let text = match std::str::from_utf8(text) {
        _ if text.len() > LARGEST => return vec![broken(1, format!("the file is larger than {LARGEST} bytes"))],
        Ok(text) => text,
        Err(error) => return vec![broken(1, format!("the file is not UTF-8: {error}"))],
    };
    split(text).into_iter().flat_map(|(line, text)| parse(line, text)).collect()
}

fn broken(line: usize, reason: String) -> Document {
    Document { line, content: Err(reason) }
}

/// Cuts a file at its lines of `---`; each part comes with the number of its first line.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut first, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let is_mark =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if is_mark {
            parts.push((first, text.get(start..offset).unwrap_or_default()));
            // What follows on the line of the mark belongs to the document.
            start = offset + 3;
            first = index + 1;
        }
        offset += line.len();
    }
    parts.push((first, text.get(start..).unwrap_or_default()));
    parts
}

fn parse(line: usize, text: &str) -> Vec<Document> {
    let skipped = text.lines().take_while(|line| line.trim().is_empty() || line.trim_start().starts_with('#')).count();
    let line = line + skipped;
    let value = match serde_yaml_ng::from_str::<Yaml>(text) {
        Ok(Yaml::Null) => return Vec::new(),
        Ok(yaml) => json(yaml, 0),
        Err(error) => Err(error.to_string()),
    };
    let is_list = |value: &Value| value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match value {
        Ok(mut list) if is_list(&list) => match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items.into_iter().map(|item| Document { line, content: Ok(item) }).collect(),
            _ => vec![broken(line, "a List has no list of items".to_owned())],
        },
        content => vec![Document { line, content }],
    }
}

/// Most levels of a document.
const DEEPEST: usize = 128;

/// YAML as JSON; `depth` is how many levels are above it.
pub(in crate::cmd) fn json(yaml: Yaml, depth: usize) -> Result<Value, String> {
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
    fn documents_have_the_line_of_their_first_content() {
        let text = "# head\n\nkind: A\n---\n---\n# b\nkind: B\n--- \nkind: [\n";
        let documents = read(text.as_bytes());
        let lines: Vec<(usize, bool)> =
            documents.iter().map(|document| (document.line, document.content.is_ok())).collect();
        assert_eq!(lines, [(3, true), (7, true), (9, false)]);
    }

    #[test]
    fn lists_are_unpacked_and_number_keys_become_text() {
        let documents = read(b"kind: List\nitems:\n- {80: x}\n- {true: y}\n");
        let contents: Vec<Value> = documents.into_iter().filter_map(|document| document.content.ok()).collect();
        assert_eq!(contents, [serde_json::json!({"80": "x"}), serde_json::json!({"true": "y"})]);
    }

    #[test]
    fn what_cannot_be_an_object_is_refused() {
        for text in ["a: 1\na: 2\n", "a: .nan\n", "? [a]\n: b\n", "a: !x 1\n", "a: *b\n", "\u{0}"] {
            assert!(read(text.as_bytes()).iter().any(|document| document.content.is_err()), "{text:?}");
        }
        assert!(read(b"\xff").iter().all(|document| document.content.is_err()));
        let deep = "[".repeat(10_000);
        assert!(read(deep.as_bytes()).iter().all(|document| document.content.is_err()));
    }
}
