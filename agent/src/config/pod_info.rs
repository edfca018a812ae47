//! The files with a pod's labels and annotations, which Kubernetes writes. Each line is `name="value"`, escaped as in
//! Go.

use std::collections::BTreeMap;
use std::path::Path;

/// Reads a file. A missing file has no lines, and an invalid line is skipped.
#[must_use]
pub(crate) fn read(path: &Path) -> BTreeMap<String, String> {
    std::fs::read_to_string(path).map(|text| parse(&text)).unwrap_or_default()
}

fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let (name, quoted) = line.split_once('=')?;
            // Go's escapes are those of JSON, except `\x`, `\a` and `\v`, which no label or annotation needs.
            Some((name.to_owned(), serde_json::from_str(quoted).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_lines_are_read_and_others_left_out() {
        let read = parse("app=\"reviews\"\nversion=\"v1\"\nnote=\"a=\\\"b\\\"\\nc\"\nbroken\nalso=broken\n");
        let want = [("app", "reviews"), ("note", "a=\"b\"\nc"), ("version", "v1")];
        assert_eq!(read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), want);
    }
}
