//! Splits a stream of YAML at its document markers.
//!
//! YAML allows `---` at the beginning of a line nowhere but as a marker, so lines tell where documents begin.

/// One document as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its first line, from 1.
    pub line: usize,
    /// Its text, with the marker that begins it; the first document may have none.
    pub text: &'a str,
}

impl Part<'_> {
    /// The marker's line; without what the document writes on it. Nothing, if no marker begins the document.
    #[must_use]
    pub fn marker(&self) -> &str {
        match self.text.split_inclusive('\n').next() {
            Some(first) if is_marker(first) && has_content(first) => "---\n",
            Some(first) if is_marker(first) => first,
            _ => "",
        }
    }

    /// Whether it holds more than comments.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.text.lines().any(has_content)
    }

    /// Line of its first content, from 1.
    pub(crate) fn first_content(&self) -> usize {
        self.line + self.text.lines().take_while(|line| !has_content(line)).count()
    }
}

/// The documents of a file, also those without content. Put together, they are the file.
#[must_use]
pub fn split(text: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let (mut begin, mut begin_line, mut at) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if is_marker(line) {
            found.push(Part { line: begin_line, text: &text[begin..at] });
            (begin, begin_line) = (at, index + 1);
        }
        at += line.len();
    }
    found.push(Part { line: begin_line, text: &text[begin..] });
    found.retain(|part| !part.text.is_empty());
    found
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a line is more than a marker, a directive or a comment.
pub(crate) fn has_content(line: &str) -> bool {
    let line = if is_marker(line) { &line[3..] } else { line };
    let line = line.trim();
    !line.is_empty() && !line.starts_with(['#', '%']) && line != "..."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_file() {
        let text = "# head\na: 1\n---\n---  \nb: |\n  ---\n--- # c\nd: 2\n--- {e: 3}\n--- \nf: 4\n---#g\n";
        let parts = split(text);
        assert_eq!(parts.iter().map(|part| part.text).collect::<String>(), text);
        assert_eq!(parts.iter().map(|part| part.line).collect::<Vec<_>>(), [1, 3, 4, 7, 9, 10]);
        let markers: Vec<&str> = parts.iter().map(Part::marker).collect();
        assert_eq!(markers, ["", "---\n", "---  \n", "--- # c\n", "---\n", "--- \n"]);
        assert!(!parts[1].has_content());
    }
}
