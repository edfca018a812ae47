//! Rules that no request reaches, because an earlier one takes all of theirs.

use std::collections::BTreeMap;

use crate::StringMatch;
use crate::decode::Path;
use crate::networking::virtual_service::{HttpMatch, Spec};
use crate::validate::report::Report;

/// Most conditions that are looked at; the warning is a courtesy.
const MOST: usize = 20_000;

/// Warns of routes and conditions that cannot be reached.
pub(super) fn warn(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let mut catch_all: Option<usize> = None;
    // Prefixes whose condition is nothing else, by the text.
    let mut prefixes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut seen = 0;
    for (rule, route) in spec.http.iter().enumerate() {
        let place = at.field("http");
        let place = place.index(rule);
        if let Some(earlier) = catch_all {
            out.warn(&place, format_args!("is never reached: rule {earlier} takes every request"));
            continue;
        }
        if route.matches.is_empty() {
            catch_all = Some(rule);
        }
        for (number, condition) in route.matches.iter().enumerate() {
            seen += 1;
            if seen > MOST {
                return;
            }
            if let Some((earlier, match_number)) = earlier_prefix(&prefixes, condition) {
                let reason =
                    format_args!("is never reached: match {match_number} of rule {earlier} takes its requests");
                out.warn(&place.field("match").index(number), reason);
            }
            if let (true, Some(StringMatch::Prefix(prefix))) = (is_prefix_only(condition), &condition.uri) {
                prefixes.entry(prefix).or_insert((rule, number));
            }
        }
    }
}

/// The earlier prefix that takes every request of `condition`.
fn earlier_prefix(prefixes: &BTreeMap<&str, (usize, usize)>, condition: &HttpMatch) -> Option<(usize, usize)> {
    let Some(StringMatch::Exact(text) | StringMatch::Prefix(text)) = &condition.uri else { return None };
    // A prefix of the text is one of its beginnings; few are that long that trying them all would cost.
    let mut beginnings = (1..=text.len().min(512)).rev().filter_map(|end| text.get(..end));
    beginnings.find_map(|beginning| prefixes.get(beginning).copied())
}

fn is_prefix_only(condition: &HttpMatch) -> bool {
    let bare = HttpMatch { uri: condition.uri.clone(), name: condition.name.clone(), ..HttpMatch::default() };
    *condition == bare && condition.gateways.is_empty()
}
