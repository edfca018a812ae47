//! Lines and words: how long a line may be, and which words must not name anything.

use super::rules::{Rules, Violation};

/// A word without a space that is longer than this cannot be wrapped: a link, a path or a type URL.
const LONGEST_WORD: usize = 80;

/// Checks the lines of Rust and Markdown files, and the words of Rust files and of all file names.
pub(crate) fn check(files: &[String], rules: &Rules, read: impl Fn(&str) -> String) -> Vec<Violation> {
    let mut found = Vec::new();
    for path in files.iter().filter(|path| !rules.tree.is_generated(path)) {
        found.extend(pictures_of_name(path, rules));
        let (rust, markdown) = (super::has_ending(path, "rs"), super::has_ending(path, "md"));
        if !rust && !markdown {
            continue;
        }
        for (number, line) in (1..).zip(read(path).lines()) {
            let is_table = markdown && line.starts_with('|');
            if !is_table && is_too_long(line, rules.limits.line_columns) {
                let what = format!("{} columns, more than {}", line.chars().count(), rules.limits.line_columns);
                found.push(Violation::of("line-columns", path, what, "wrap it").at(number));
            }
            if rust {
                found.extend(pictures_of_line(path, line, rules).map(|violation| violation.at(number)));
            }
        }
    }
    found
}

fn is_too_long(line: &str, limit: usize) -> bool {
    line.chars().count() > limit && line.split_whitespace().all(|word| word.chars().count() <= LONGEST_WORD)
}

/// The words of `tree.pictures` in the code of a line. Comments may use them.
fn pictures_of_line<'a>(path: &'a str, line: &'a str, rules: &'a Rules) -> impl Iterator<Item = Violation> + 'a {
    let code = if line.trim_start().starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) };
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| rules.tree.pictures.iter().any(|picture| picture == word)).map(|word| picture(path, word))
}

fn pictures_of_name(path: &str, rules: &Rules) -> Option<Violation> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let is_picture = |part: &str| rules.tree.pictures.iter().any(|picture| picture.eq_ignore_ascii_case(part));
    let folders = path.split('/').rev().skip(1);
    folders.chain([stem]).find(|part| is_picture(part)).map(|part| picture(path, part))
}

fn picture(path: &str, word: &str) -> Violation {
    let what = format!("`{word}` is a picture, not a term of the field");
    Violation::of("picture", path, what, "name it after what it does")
}
