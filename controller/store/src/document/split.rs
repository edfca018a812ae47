//! Splits a stream of YAML at its document markers.
//!
//! YAML allows `---` at the beginning of a line nowhere but as a marker, so lines tell where documents begin.

/// One document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document<'a> {
    /// Line of its first line, from 1.
    pub line: usize,
    /// Its text, with the marker.
    pub text: &'a str,
}

impl Document<'_> {
    /// Line of its first content, from 1.
    pub(super) fn first_content(&self) -> usize {
        self.line + self.text.lines().take_while(|line| !has_content(line)).count()
    }
}

/// The documents that hold more than comments.
pub(super) fn documents(text: &str) -> Vec<Document<'_>> {
    let mut found = Vec::new();
    let (mut begin, mut begin_line, mut at) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if is_marker(line) {
            found.push(Document { line: begin_line, text: &text[begin..at] });
            (begin, begin_line) = (at, index + 1);
        }
        at += line.len();
    }
    found.push(Document { line: begin_line, text: &text[begin..] });
    found.retain(|document| document.text.lines().any(has_content));
    found
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn has_content(line: &str) -> bool {
    let line = if is_marker(line) { &line[3..] } else { line };
    let line = line.trim();
    !line.is_empty() && !line.starts_with(['#', '%']) && line != "..."
}
