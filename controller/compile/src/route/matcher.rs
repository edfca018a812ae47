//! Conditions of a rule as Envoy's matchers.

use heddle_model::route::{HttpMatch, StringMatch, VirtualService};
use heddle_xds_api::envoy::{
    config::route::v3::{
        HeaderMatcher, QueryParameterMatcher, Route, RouteMatch, header_matcher::HeaderMatchSpecifier,
        query_parameter_matcher::QueryParameterMatchSpecifier, route_match::PathSpecifier,
    },
    r#type::matcher::v3::{RegexMatcher, StringMatcher, string_matcher::MatchPattern},
};

use super::RouteContext;

/// Whether a condition can ever hold here: gateway, port, and what the client's own workload is.
pub(super) fn applies(context: &RouteContext<'_>, virtual_service: &VirtualService, condition: &HttpMatch) -> bool {
    let gateways = if condition.gateways.is_empty() { &virtual_service.reach.gateways } else { &condition.gateways };
    let bound = gateways.iter().any(|g| context.gateways.contains(g));
    let port = condition.port.is_none_or(|port| port == context.port);
    let client = context.client;
    let source = !context.is_mesh()
        || (condition.source_labels.select(&client.labels)
            && (condition.source_namespace.is_empty() || condition.source_namespace == client.namespace));
    bound && port && source
}

/// Whether a condition takes every request, so that later rules are never asked.
pub(super) fn takes_everything(condition: &HttpMatch) -> bool {
    let path = match &condition.uri {
        None => true,
        Some(StringMatch::Prefix(prefix)) => &**prefix == "/",
        Some(StringMatch::Regex(pattern)) => &**pattern == "*" || &**pattern == ".*",
        Some(StringMatch::Exact(_)) => false,
    };
    path && condition.headers.values().chain(condition.query.values()).next().is_none()
        && condition.without_headers.is_empty()
        && [&condition.scheme, &condition.method, &condition.authority].into_iter().all(Option::is_none)
}

/// Whether a route takes every request of its virtual host.
pub(crate) fn is_catch_all(route: &Route) -> bool {
    let Some(condition) = &route.r#match else { return false };
    let path = match &condition.path_specifier {
        Some(PathSpecifier::Prefix(prefix)) => prefix == "/",
        Some(PathSpecifier::SafeRegex(pattern)) => pattern.regex == ".*",
        _ => false,
    };
    path && condition.headers.is_empty() && condition.query_parameters.is_empty()
}

/// The matcher. A rule without any condition says only `prefix: /`; one with conditions states the case too.
pub(super) fn route_match(condition: &HttpMatch, declared: bool) -> RouteMatch {
    let path = match &condition.uri {
        Some(StringMatch::Exact(path)) => PathSpecifier::Path(path.to_string()),
        Some(StringMatch::Prefix(prefix)) => PathSpecifier::Prefix(prefix.to_string()),
        Some(StringMatch::Regex(pattern)) => PathSpecifier::SafeRegex(regex_matcher(pattern)),
        None => PathSpecifier::Prefix("/".into()),
    };
    let pseudo = [(":scheme", &condition.scheme), (":method", &condition.method), (":authority", &condition.authority)];
    let mut headers: Vec<HeaderMatcher> =
        condition.headers.iter().map(|(name, text)| header(name, text.as_ref(), false)).collect();
    headers.extend(condition.without_headers.iter().map(|(name, text)| header(name, text.as_ref(), true)));
    headers.extend(
        pseudo.into_iter().filter(|(_, text)| text.is_some()).map(|(name, text)| header(name, text.as_ref(), false)),
    );
    RouteMatch {
        path_specifier: Some(path),
        case_sensitive: declared.then_some(!condition.ignore_case),
        headers,
        query_parameters: condition.query.iter().map(|(name, text)| query(name, text.as_ref())).collect(),
        ..RouteMatch::default()
    }
}

/// A comparison of text.
pub(super) fn string_matcher(text: &StringMatch) -> StringMatcher {
    let pattern = match text {
        StringMatch::Exact(text) => MatchPattern::Exact(text.to_string()),
        // Envoy refuses an empty prefix, which every text has.
        StringMatch::Prefix(text) if text.is_empty() => MatchPattern::SafeRegex(regex_matcher("*")),
        StringMatch::Prefix(text) => MatchPattern::Prefix(text.to_string()),
        StringMatch::Regex(text) => MatchPattern::SafeRegex(regex_matcher(text)),
    };
    StringMatcher { match_pattern: Some(pattern), ..StringMatcher::default() }
}

/// A pattern. Ingest has checked it by RE2's rules.
pub(super) fn regex_matcher(pattern: &str) -> RegexMatcher {
    // Istio's word for anything is no pattern of RE2.
    let regex = if pattern == "*" { ".*" } else { pattern };
    RegexMatcher { regex: regex.into(), ..RegexMatcher::default() }
}

fn header(name: &str, text: Option<&StringMatch>, absent: bool) -> HeaderMatcher {
    let compared = compared(text);
    HeaderMatcher {
        name: name.into(),
        invert_match: absent,
        // A request without the header does not have the unwanted value.
        treat_missing_header_as_empty: absent && compared.is_some(),
        header_match_specifier: Some(match compared {
            Some(text) => HeaderMatchSpecifier::StringMatch(string_matcher(text)),
            None => HeaderMatchSpecifier::PresentMatch(true),
        }),
    }
}

/// The text to compare. A pattern that matches everything, and an empty prefix, only ask whether something is there.
fn compared(text: Option<&StringMatch>) -> Option<&StringMatch> {
    text.filter(|text| match text {
        StringMatch::Regex(pattern) => !matches!(&**pattern, "*" | ".*"),
        StringMatch::Prefix(prefix) => !prefix.is_empty(),
        StringMatch::Exact(_) => true,
    })
}

fn query(name: &str, text: Option<&StringMatch>) -> QueryParameterMatcher {
    QueryParameterMatcher {
        name: name.into(),
        query_parameter_match_specifier: Some(match compared(text) {
            Some(text) => QueryParameterMatchSpecifier::StringMatch(string_matcher(text)),
            None => QueryParameterMatchSpecifier::PresentMatch(true),
        }),
    }
}
