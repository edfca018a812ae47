//! The tour as a table for people: a row a step, expected against seen.

/// The widths of the columns `expected` and `seen`, in characters.
const WIDE: usize = 46;
/// The width of the column with the step's title.
const TITLE: usize = 22;

/// The rule and the names of the columns.
#[must_use]
pub fn head() -> String {
    format!("{}{}", row("#", "step", "expected", "seen", ""), rule())
}

/// One step's row, with long cells continued below.
#[must_use]
pub fn row(number: &str, title: &str, expected: &str, seen: &str, verdict: &str) -> String {
    let cells = [wrap(title, TITLE), wrap(expected, WIDE), wrap(seen, WIDE)];
    let lines = cells.iter().map(Vec::len).max().unwrap_or(1);
    let mut rows = String::new();
    for line in 0..lines {
        let cell = |index: usize| cells.get(index).and_then(|cell| cell.get(line)).map_or("", String::as_str);
        let (number, verdict) = if line == 0 { (number, verdict) } else { ("", "") };
        let text = format!("{number:>2}  {:TITLE$}  {:WIDE$}  {:WIDE$}  {verdict}", cell(0), cell(1), cell(2));
        rows.push_str(text.trim_end());
        rows.push('\n');
    }
    rows
}

fn rule() -> String {
    format!("{}\n", "-".repeat(2 + 2 + TITLE + 2 + WIDE + 2 + WIDE + 2 + 4))
}

/// The words of `text` in lines of at most `width` characters; longer words are cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let line = lines.pop().unwrap_or_default();
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + rest.len() <= width {
                lines.push(format!("{line}{}{}", " ".repeat(gap), rest.iter().collect::<String>()));
                break;
            }
            if used > 0 {
                lines.extend([line, String::new()]);
                continue;
            }
            let tail = rest.split_off(width);
            lines.extend([rest.iter().collect(), String::new()]);
            rest = tail;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_wrap_by_words_and_cut_what_is_too_long() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a 123456789", 4), ["a", "1234", "5678", "9"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn a_row_says_number_and_verdict_once() {
        let row = row("3", "canary", &"word ".repeat(20), "seen", "ok");
        assert_eq!(row.lines().count(), 3);
        assert_eq!(row.matches("ok").count(), 1);
        assert!(row.starts_with(" 3  canary "), "{row}");
    }
}
