//! The files that Kubernetes writes of a pod's labels and annotations: a line `name="value"` each, escaped as Go does.

use std::collections::BTreeMap;
use std::path::Path;

/// Reads a file; one that is missing has no lines. A line that cannot be read is left out.
#[must_use]
pub(crate) fn read(path: &Path) -> BTreeMap<String, String> {
    std::fs::read_to_string(path).map(|text| parse(&text)).unwrap_or_default()
}

fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let (name, quoted) = line.split_once('=')?;
            // Go's quoting of text is JSON's but for `\x`, `\a` and `\v`, which no label or annotation needs.
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
