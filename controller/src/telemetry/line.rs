//! Lines on standard error. Whatever an event says, it is one line, and a terminal shows it as it is.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

/// Writes events with their control characters escaped. Names and messages of clients are in events: a line break in
/// one must not begin a line that looks like another event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<W>(pub W);

impl<'a, W: Fn() -> T, T: Write> MakeWriter<'a> for Lines<W> {
    type Writer = Escaped<T>;

    fn make_writer(&'a self) -> Escaped<T> {
        Escaped((self.0)())
    }
}

/// The writer of one event, which gets all of it at once.
#[derive(Debug)]
pub(super) struct Escaped<T>(T);

impl<T: Write> Write for Escaped<T> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (line, end) = match event {
            [line @ .., b'\n'] => (line, "\n"),
            line => (line, ""),
        };
        let line = String::from_utf8_lossy(line);
        self.0.write_all(escaped(&line).as_bytes())?;
        self.0.write_all(end.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escaped(line: &str) -> Cow<'_, str> {
    if !line.contains(is_unsafe) {
        return line.into();
    }
    let mut out = String::with_capacity(line.len() + 16);
    for character in line.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            character if is_unsafe(character) => _ = write!(out, "\\u{{{:x}}}", u32::from(character)),
            character => out.push(character),
        }
    }
    out.into()
}

/// Control characters, the line breaks of Unicode, and what reverses the direction of writing.
fn is_unsafe(character: char) -> bool {
    let moves_text = matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (character.is_control() && character != '\t') || moves_text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let mut out = Vec::new();
        for event in ["plain\n", "a\r\nb\u{1b}[31m\u{85}\u{202e}\tü\n", "no end"] {
            Escaped(&mut out).write_all(event.as_bytes()).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "plain\na\\r\\nb\\u{1b}[31m\\u{85}\\u{202e}\tü\nno end");
    }
}
