//! Writes YAML that every reader takes for the same: kubectl's still takes `yes` and `1_000` for a boolean and a
//! number, so whatever is not plainly a text is quoted.

use serde_json::{Map, Value};

/// Words that some version of YAML takes for something else than a text.
const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf"];

/// The value as block-style YAML, ending with a line feed.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(object) if !object.is_empty() => write_object(object, 0, false, &mut out),
        Value::Array(list) if !list.is_empty() => write_list(list, 0, &mut out),
        scalar => line(&inline(scalar), &mut out),
    }
    out
}

/// `inside` says that the first key stands on the line of a list's dash.
fn write_object(object: &Map<String, Value>, depth: usize, inside: bool, out: &mut String) {
    for (index, (key, value)) in object.iter().enumerate() {
        if index > 0 || !inside {
            out.push_str(&"  ".repeat(depth));
        }
        out.push_str(&text(key));
        out.push(':');
        match value {
            Value::Object(object) if !object.is_empty() => {
                out.push('\n');
                write_object(object, depth + 1, false, out);
            }
            Value::Array(list) if !list.is_empty() => {
                out.push('\n');
                write_list(list, depth, out);
            }
            Value::String(lines) if is_block(lines) => write_block(lines, depth + 1, out),
            scalar => {
                out.push(' ');
                line(&inline(scalar), out);
            }
        }
    }
}

fn write_list(list: &[Value], depth: usize, out: &mut String) {
    for value in list {
        out.push_str(&"  ".repeat(depth));
        out.push('-');
        match value {
            Value::Object(object) if !object.is_empty() => {
                out.push(' ');
                write_object(object, depth + 1, true, out);
            }
            Value::Array(list) if !list.is_empty() => {
                out.push('\n');
                write_list(list, depth + 1, out);
            }
            Value::String(lines) if is_block(lines) => write_block(lines, depth + 1, out),
            scalar => {
                out.push(' ');
                line(&inline(scalar), out);
            }
        }
    }
}

/// Whether a text can be written as it is, line by line.
fn is_block(text: &str) -> bool {
    let trailing = text.len() - text.trim_end_matches('\n').len();
    let is_printable = |c: char| c == '\n' || is_printable(c);
    text.contains('\n') && trailing <= 1 && !text.starts_with([' ', '\n']) && text.chars().all(is_printable)
}

fn write_block(text: &str, depth: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str(&"  ".repeat(depth));
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn line(text: &str, out: &mut String) {
    out.push_str(text);
    out.push('\n');
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        other => other.to_string(),
    }
}

fn text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let escaped = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        c if is_printable(c) => c.to_string(),
        c if u32::from(c) > 0xffff => format!("\\U{:08x}", u32::from(c)),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a text needs no quotes for any reader: it begins as a word, flag or path does, and nothing in it is a mark
/// of YAML's.
fn is_plain(text: &str) -> bool {
    let begins = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or(text);
    begins.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$')
        && text.chars().all(|c| c.is_ascii() && is_printable(c))
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !text.contains(" #")
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Budget, Schema};

    /// What some reader might take for something else than a text.
    const TEXTS: &[&str] = &[
        "",
        " ",
        "yes",
        "Y",
        "on",
        "1_000",
        "0x1",
        "1e3",
        "0777",
        "012",
        "1:30",
        "2001-01-01",
        "~",
        "null",
        "-",
        "-1",
        "-p",
        "--log=a:b",
        "---",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "'",
        "\"",
        "a'b",
        "{}",
        "[a]",
        "&a",
        "*a",
        "!a",
        "|",
        "%a",
        "`a",
        "@a",
        "a\nb",
        "a\nb\n",
        "a\nb\n\n",
        "\na",
        " a\nb",
        "a\n\n b",
        "\t",
        "a\tb\nc",
        "\u{85}",
        "\u{2028}",
        "\u{7f}",
        "ä€",
        "\u{1f600}",
        "\r\n",
        "a ",
        "<<",
        "=",
        ".inf",
        "$(A).b",
        "/a/b:c",
        "a\u{feff}",
        "a b",
        "a, b [c] {d}",
        "it's \"so\"",
        "a :b",
        "a: ",
        "off ",
        "a #",
        "- a",
    ];

    #[test]
    fn what_is_written_is_read_the_same() {
        let value = json!({
            "texts": TEXTS, "a: b": {"yes": [[], {}, [[1, "a\nb"], {"x": null}], 1.5, -3, true]}, "": "a\nb",
                "list": [{"a": {"b": [1]}, "c": "d\ne\n"}],
        });
        let written = write(&value);
        for schema in [Schema::Core, Schema::Yaml11] {
            assert_eq!(crate::value(&written, schema, &Budget::FILE).unwrap(), value, "{written}");
        }
    }

    #[test]
    fn words_of_older_versions_are_quoted() {
        assert_eq!(
            write(&json!({"a": ["yes", "off", "1_000", "plain"]})),
            "a:\n- 'yes'\n- 'off'\n- '1_000'\n- plain\n"
        );
    }
}
