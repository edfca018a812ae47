//! Expressions of CEL that only select: `request.headers['x-id']`, `xds.node.metadata.NAME`.
//!
//! Envoy refuses an expression that it cannot parse. Only this part of the language is accepted, because only here the
//! result of Envoy's parser is certain.

/// Words that are no identifier at the start; some of them are none anywhere.
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
    "in",
];
const LITERALS: [&str; 3] = ["true", "false", "null"];

/// Whether it is a name with selections of fields and of map entries by text.
pub(super) fn selects(expression: &str) -> bool {
    let Some(mut rest) = identifier(expression) else { return false };
    while !rest.is_empty() {
        let next = match rest.strip_prefix('.') {
            Some(field) => identifier(field),
            None => entry(rest),
        };
        let Some(next) = next else { return false };
        rest = next;
    }
    true
}

/// What follows the identifier at the start.
fn identifier(text: &str) -> Option<&str> {
    let end = text.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is_word = RESERVED.contains(&name) || LITERALS.contains(&name);
    let starts = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    (starts && !is_word).then_some(rest)
}

/// What follows the `['text']` at the start.
fn entry(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?;
    let quote = inside.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
    let (key, rest) = inside[1..].split_once(quote)?;
    let is_plain = key.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b'\\');
    is_plain.then(|| rest.strip_prefix(']')).flatten()
}

#[cfg(test)]
mod tests {
    use super::selects;

    #[test]
    fn an_expression_only_selects() {
        for good in ["connection", "xds.node.metadata.NAME", "request.headers['x-id']", "a[\"b c\"].d_1"] {
            assert!(selects(good), "{good}");
        }
        for bad in ["", ".", "a.", "a.in", "for", "a.true", "1a", "a + b", "a['b", "a['\\x']", "a[b]", "a(b", "a b"] {
            assert!(!selects(bad), "{bad}");
        }
    }
}
