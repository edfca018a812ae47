//! The objects of a YAML file, read as `kubectl` reads them.

use heddle_yaml::{Schema, Unreadable};
use serde_json::Value;

/// One document, or one item of a List.
pub(in crate::cmd) struct Document {
    /// Its first line, from 1. For a document that cannot be read, the line of the error.
    pub(in crate::cmd) line: usize,
    /// Which document of the file it is, from 0.
    pub(in crate::cmd) number: usize,
    /// Where it stands in its document: `items[3]` of a List, nothing otherwise.
    pub(in crate::cmd) path: String,
    /// What it holds, or why it cannot be read.
    pub(in crate::cmd) content: Result<Value, String>,
}

/// Reads all documents of a file; empty ones are left out.
pub(in crate::cmd) fn read(text: &[u8]) -> Vec<Document> {
    let documents = heddle_yaml::read(text, Schema::Yaml11).into_iter().enumerate();
    documents.flat_map(|(number, document)| expand(number, document)).collect()
}

fn expand(number: usize, document: heddle_yaml::Document) -> Vec<Document> {
    let one = |line, content| Document { line, number, path: String::new(), content };
    let line = document.line;
    let is_list = |value: &Value| value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match document.content {
        Ok(Value::Null) => Vec::new(),
        Ok(mut list) if is_list(&list) => match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => {
                let item = |(at, item)| Document { path: format!("items[{at}]"), ..one(line, Ok(item)) };
                items.into_iter().enumerate().map(item).collect()
            }
            _ => vec![one(line, Err("this List has no list `items`".to_owned()))],
        },
        Ok(value) => vec![one(line, Ok(value))],
        Err(Unreadable { line, reason }) => vec![one(line, Err(reason))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_the_line_of_their_first_content() {
        let text = "# head\n\nkind: A\n---\n---\n# b\nkind: B\n--- \na: 1\nkind: [\n";
        let documents = read(text.as_bytes());
        let lines: Vec<(usize, bool)> =
            documents.iter().map(|document| (document.line, document.content.is_ok())).collect();
        assert_eq!(lines[..2], [(3, true), (7, true)]);
        assert!(lines.len() == 3 && lines[2].0 >= 10 && !lines[2].1, "{lines:?}");
    }

    #[test]
    fn lists_are_unpacked_and_number_keys_become_text() {
        let documents = read(b"kind: List\nitems:\n- {80: x}\n- {true: 'y'}\n");
        let contents: Vec<Value> = documents.into_iter().filter_map(|document| document.content.ok()).collect();
        assert_eq!(contents, [serde_json::json!({"80": "x"}), serde_json::json!({"true": "y"})]);
    }

    #[test]
    fn what_cannot_be_an_object_is_refused() {
        for text in ["a: 1\na: 2\n", "? [a]\n: b\n", "a: *b\n", "\u{0}"] {
            assert!(read(text.as_bytes()).iter().any(|document| document.content.is_err()), "{text:?}");
        }
        assert!(read(b"\xff").iter().all(|document| document.content.is_err()));
        let deep = "[".repeat(10_000);
        assert!(read(deep.as_bytes()).iter().all(|document| document.content.is_err()));
    }
}
