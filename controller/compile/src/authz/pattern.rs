//! Patterns of texts as Envoy's matchers.

use heddle_model::authz::TextPattern;
use heddle_xds_api::envoy::{
    config::{
        core::v3::CidrRange,
        route::v3::{HeaderMatcher, header_matcher::HeaderMatchSpecifier},
    },
    r#type::matcher::v3::{
        ListMatcher, MetadataMatcher, OrMatcher, RegexMatcher, StringMatcher, ValueMatcher, list_matcher,
        metadata_matcher::{PathSegment, path_segment},
        string_matcher::MatchPattern,
        value_matcher,
    },
};
use ipnet::IpNet;

/// Characters that mean something in a regular expression.
const SPECIAL: &str = r"\.+*?()|[]{}^$";
/// Matches any text but none.
const PRESENT: &str = ".+";

/// A literal as a regular expression of RE2.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if SPECIAL.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A pattern as part of a regular expression, with `any` for what its asterisk stands for.
pub(super) fn part(pattern: &TextPattern, any: &str) -> String {
    match pattern {
        TextPattern::Exact(text) => escaped(text),
        TextPattern::Prefix(text) => escaped(text) + any,
        TextPattern::Suffix(text) => any.to_owned() + &escaped(text),
        TextPattern::Present => any.to_owned(),
    }
}

/// The text that a pattern was read from.
pub(super) fn written(pattern: &TextPattern) -> String {
    match pattern {
        TextPattern::Exact(text) => text.to_string(),
        TextPattern::Prefix(text) => format!("{text}*"),
        TextPattern::Suffix(text) => format!("*{text}"),
        TextPattern::Present => "*".to_owned(),
    }
}

pub(super) fn matcher(match_pattern: MatchPattern) -> StringMatcher {
    StringMatcher { match_pattern: Some(match_pattern), ..StringMatcher::default() }
}

pub(super) fn regex(regex: impl Into<String>) -> StringMatcher {
    matcher(MatchPattern::SafeRegex(RegexMatcher { regex: regex.into(), ..RegexMatcher::default() }))
}

/// Matches a text.
pub(super) fn text(pattern: &TextPattern) -> StringMatcher {
    match pattern {
        TextPattern::Exact(text) => matcher(MatchPattern::Exact(text.to_string())),
        TextPattern::Prefix(text) => matcher(MatchPattern::Prefix(text.to_string())),
        TextPattern::Suffix(text) => matcher(MatchPattern::Suffix(text.to_string())),
        TextPattern::Present => regex(PRESENT),
    }
}

/// Matches a header.
pub(super) fn header(name: &str, pattern: &TextPattern, ignore_case: bool) -> HeaderMatcher {
    let specifier = match pattern {
        TextPattern::Present => HeaderMatchSpecifier::PresentMatch(true),
        pattern => HeaderMatchSpecifier::StringMatch(StringMatcher { ignore_case, ..text(pattern) }),
    };
    HeaderMatcher { name: name.into(), header_match_specifier: Some(specifier), ..HeaderMatcher::default() }
}

/// Matches addresses of a network.
pub(super) fn range(network: &IpNet) -> CidrRange {
    CidrRange { address_prefix: network.addr().to_string(), prefix_len: Some(network.prefix_len().into()) }
}

/// Matches a value that a filter has noted.
pub(super) fn metadata<'a>(
    filter: &str,
    path: impl IntoIterator<Item = &'a str>,
    value: ValueMatcher,
) -> MetadataMatcher {
    let segment = |key: &str| PathSegment { segment: Some(path_segment::Segment::Key(key.to_owned())) };
    let path = path.into_iter().map(segment).collect();
    MetadataMatcher { filter: filter.into(), path, value: Some(value), ..MetadataMatcher::default() }
}

/// Matches a text.
pub(super) fn value(matcher: StringMatcher) -> ValueMatcher {
    ValueMatcher { match_pattern: Some(value_matcher::MatchPattern::StringMatch(matcher)) }
}

/// Matches a list with an element that this matches.
pub(super) fn element(matcher: ValueMatcher) -> ValueMatcher {
    let one_of = Some(list_matcher::MatchPattern::OneOf(Box::new(matcher)));
    ValueMatcher {
        match_pattern: Some(value_matcher::MatchPattern::ListMatch(Box::new(ListMatcher { match_pattern: one_of }))),
    }
}

/// Matches what one of these matches. Envoy refuses a choice of one.
pub(super) fn one_of(mut value_matchers: Vec<ValueMatcher>) -> ValueMatcher {
    if value_matchers.len() == 1 {
        return value_matchers.remove(0);
    }
    ValueMatcher { match_pattern: Some(value_matcher::MatchPattern::OrMatch(OrMatcher { value_matchers })) }
}
