//! A chart's README, made from its `values.yaml`: each key with its default and the comment above it.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use heddle_yaml::{Budget, Schema};
use serde_json::Value;

/// The whole README.
pub(crate) fn readme(chart: &str, meta: &str, values: &str) -> Result<String> {
    let meta: Value = heddle_yaml::value(meta, Schema::Yaml11, &Budget::FILE)?;
    let description = meta["description"].as_str().context("Chart.yaml has no description")?;
    let mut out = format!("# {chart}\n\n{description}\n\nGenerated from `values.yaml`.\n\n");
    out.push_str("| key | default | meaning |\n|---|---|---|\n");
    for row in rows(values) {
        let default = row.default.replace('|', "\\|");
        writeln!(out, "| `{}` | `{default}` | {} |", row.key, row.meaning)?;
    }
    Ok(out)
}

struct Row {
    key: String,
    default: String,
    meaning: String,
}

/// One row a leaf. A comment belongs to the line below it; that of a key that has others below it goes to the first.
fn rows(values: &str) -> Vec<Row> {
    let mut parents: Vec<(usize, String)> = Vec::new();
    let (mut rows, mut comment): (Vec<Row>, Vec<String>) = (Vec::new(), Vec::new());
    for line in values.lines() {
        let depth = line.len() - line.trim_start().len();
        let text = line.trim();
        if let Some(said) = text.strip_prefix('#') {
            comment.push(said.trim().to_owned());
        } else if let Some((key, value)) = text.split_once(':').filter(|_| !text.starts_with('-')) {
            parents.retain(|(parent, _)| *parent < depth);
            let inside = parents.last().is_some_and(|(_, parent)| parent.ends_with("[]"));
            let path: Vec<&str> = parents.iter().map(|(_, name)| name.as_str()).chain([key]).collect();
            if value.trim().is_empty() {
                parents.push((depth, key.to_owned()));
            } else if !inside {
                let meaning = std::mem::take(&mut comment).join(" ");
                rows.push(Row { key: path.join("."), default: value.trim().to_owned(), meaning });
            }
        } else if let Some((depth, list)) = parents.pop().filter(|_| text.starts_with('-')) {
            // The default of a list is in the file; here its name is enough.
            let key: Vec<&str> = parents.iter().map(|(_, name)| name.as_str()).chain([list.as_str()]).collect();
            let key = key.join(".").trim_end_matches("[]").to_owned();
            if !list.ends_with("[]") {
                rows.push(Row {
                    key,
                    default: "see values.yaml".to_owned(),
                    meaning: std::mem::take(&mut comment).join(" "),
                });
            }
            parents.push((depth, format!("{}[]", list.trim_end_matches("[]"))));
        }
    }
    rows
}
