//! Expressions that RE2 accepts and refuses.

use super::*;

#[test]
fn accepts_what_re2_accepts() {
    for pattern in [
        "",
        ".*",
        "^/api/v[0-9]+/.*$",
        "a|b|",
        "(a|b)+?c",
        "(?i)GET|POST",
        "(?i:x)(?s-m)",
        "(?P<name>x)",
        "(?<n>x)",
        "a{2}",
        "a{2,}",
        "a{0,1000}",
        "a{,2}",
        "{",
        "a{x}",
        "x{2}{",
        "[]a]",
        "[^]]",
        "[a-c-e]",
        "[[:alpha:]_-]",
        "[\\d\\w.-]+",
        "[a&&b]",
        "\\d+\\.\\d+",
        "\\Q.*(\\E+",
        "\\pL\\p{Greek}\\P{^Lu}",
        "\\x41\\x{1F600}",
        "\\012\\0",
        "\\-\\/\\_",
        "^*",
        "(^)*",
        "é+",
        "(?:(?:a{10}){10}){10}",
        "\\Aa\\bb\\z",
        "}",
        "]",
    ] {
        assert_eq!(check(pattern), Ok(()), "{pattern:?}");
    }
}

#[test]
fn refuses_what_re2_refuses() {
    for pattern in [
        "(",
        ")",
        "a)",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a)",
        "(?P<>x)",
        "(?P<a b>x)",
        "(?<a>x)(?<a>y)",
        "(?x)a",
        "(?)",
        "(?i",
        "*",
        "a|*",
        "(+a)",
        "a**",
        "a*?+",
        "a{2}{3}",
        "a{1001}",
        "a{1,1001}",
        "a{3,2}",
        "(?:a{100}){11}",
        "[",
        "[]",
        "[^]",
        "[b-a]",
        "[a--b]",
        "[[:foo:]]",
        "[\\b]",
        "[a-\\d]",
        "\\",
        "\\1",
        "(a)\\1",
        "\\8",
        "\\k<n>",
        "\\Z",
        "\\G",
        "\\h",
        "\\p{Foo}",
        "\\p{greek}",
        "\\p{L",
        "\\xZ1",
        "\\x{110000}",
        "\\é",
        "(?:\\pL{500}){2}",
    ] {
        assert!(check(pattern).is_err(), "{pattern:?}");
    }
}

/// The class of ISTIO-SECURITY-2022-007 and ISTIO-SECURITY-2026-006: an expression that ends whoever compiles it.
#[test]
fn size_is_bounded() {
    assert_eq!(check(&"a".repeat(1024)), Ok(()));
    assert!(check(&"a".repeat(1025)).is_err());
    assert!(check(&"(".repeat(1024)).is_err());
    assert!(check(&"(a".repeat(1 << 20)).is_err());
}

#[test]
fn the_reason_is_said() {
    let text = check("(?=x)").unwrap_err().to_string();
    assert!(text.contains("looks ahead") && text.contains("(?=x)"), "{text}");
}
