//! Conditions on requests.

use super::hosts;
use crate::StringMatch;
use crate::decode::Path;
use crate::networking::virtual_service::HttpMatch;
use crate::validate::label::{is_dns_label, labels};
use crate::validate::report::{Report, quote};
use crate::validate::{NOT_SUPPORTED, header, port, regex};

/// The pattern that Istio takes for any text in `withoutHeaders`: the header must not be there at all.
const ANY_TEXT: &str = "*";

/// Checks the conditions on a request.
pub(super) fn http(matching: &HttpMatch, is_generated: bool, at: &Path<'_>, out: &mut Report) {
    let single = [
        ("uri", &matching.uri),
        ("scheme", &matching.scheme),
        ("method", &matching.method),
        ("authority", &matching.authority),
    ];
    for (name, condition) in single {
        if let Some(condition) = condition {
            let at = at.field(name);
            if name != "uri" {
                prefix(condition, &at, out);
            }
            text(condition, &at, out);
        }
    }
    let maps = [
        ("headers", &matching.headers, true),
        ("withoutHeaders", &matching.without_headers, true),
        ("queryParams", &matching.query_params, false),
    ];
    for (field, conditions, are_headers) in maps {
        for (name, condition) in conditions {
            let at = at.field(field);
            let at = at.field(name);
            if are_headers {
                out.need(&at, header::matched(name));
                prefix(condition, &at, out);
            }
            if are_headers && header::is_claim(name) {
                out.warn(&at, NOT_SUPPORTED);
            }
            let asks_absence = matches!(condition, StringMatch::Regex(pattern) if pattern == ANY_TEXT);
            if !(field == "withoutHeaders" && asks_absence) {
                text(condition, &at, out);
            }
        }
    }
    out.need(&at.field("port"), port::optional(matching.port));
    labels(&matching.source_labels, &at.field("sourceLabels"), out);
    hosts::gateways(&matching.gateways, is_generated, &at.field("gateways"), out);
    namespace(&matching.source_namespace, &at.field("sourceNamespace"), out);
    if matching.ignore_uri_case && matches!(matching.uri, Some(StringMatch::Regex(_))) {
        out.warn(&at.field("ignoreUriCase"), "has no effect on a regular expression");
    }
}

/// Checks a condition on a text.
pub(super) fn text(condition: &StringMatch, at: &Path<'_>, out: &mut Report) {
    let StringMatch::Regex(pattern) = condition else { return };
    let at = at.field("regex");
    if pattern.is_empty() {
        out.refuse(&at, "must not be empty");
    }
    out.need(&at, regex::check(pattern));
}

fn prefix(condition: &StringMatch, at: &Path<'_>, out: &mut Report) {
    if matches!(condition, StringMatch::Prefix(prefix) if prefix.is_empty()) {
        out.refuse(&at.field("prefix"), "must not be empty");
    }
}

/// Checks the namespace of a caller, if it is given.
pub(super) fn namespace(namespace: &str, at: &Path<'_>, out: &mut Report) {
    if !namespace.is_empty() && !is_dns_label(namespace) {
        out.refuse(at, format_args!("{} is not a namespace", quote(namespace)));
    }
}
