//! The documents of a YAML file, with every byte between them.

use anyhow::{Context, anyhow};
use serde_json::Value;

use crate::cmd::validate::document::json;

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
