//! Rules and matches that nothing reaches, because earlier ones take all of theirs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::StringMatch;
use crate::decode::Path;
use crate::networking::virtual_service::{HttpMatch, Spec};
use crate::validate::report::{Report, Severity, Violation};

/// Most matches that are looked at; the warning is a courtesy.
const MOST: usize = 20_000;
/// Most matches of HTTP that are compared with each other.
const MOST_COMPARED: usize = 500;

/// A part of a VirtualService that nothing reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unused {
    /// A whole rule.
    Rule {
        /// The list that holds it: `http`, `tls` or `tcp`.
        list: &'static str,
        /// Its index.
        index: usize,
        /// Its name, quoted, or its number as `#1`.
        rule: String,
        /// What takes its requests.
        reason: String,
    },
    /// A match of a rule.
    Match {
        /// The list that holds the rule.
        list: &'static str,
        /// The indices of the rule and of the match.
        index: (usize, usize),
        /// The rule's name or number.
        rule: String,
        /// The match's name or number.
        number: String,
        /// What takes its requests.
        by: String,
    },
}

impl Unused {
    /// The path of the rule or match.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Rule { list, index, .. } => format!("spec.{list}[{index}]"),
            Self::Match { list, index: (rule, number), .. } => format!("spec.{list}[{rule}].match[{number}]"),
        }
    }

    /// What the webhook says of it.
    #[must_use]
    pub fn violation(&self) -> Violation {
        Violation { path: self.path(), reason: self.reason(), severity: Severity::Warning }
    }

    fn reason(&self) -> String {
        match self {
            Self::Rule { reason, .. } => format!("is never reached: {reason}"),
            Self::Match { by, .. } => format!("is never reached: {by} takes its requests"),
        }
    }
}

/// Warns of rules and matches that cannot be reached.
pub(super) fn warn(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    for one in unused(spec) {
        match &one {
            Unused::Rule { list, index, .. } => out.warn(&at.field(list).index(*index), one.reason()),
            Unused::Match { list, index: (rule, number), .. } => {
                out.warn(&at.field(list).index(*rule).field("match").index(*number), one.reason());
            }
        }
    }
}

/// All rules and matches of a VirtualService that nothing reaches, in their order.
#[must_use]
pub fn unused(spec: &Spec) -> Vec<Unused> {
    let http = spec.http.iter().map(|route| (route.name.as_str(), route.matches.as_slice()));
    let mut found = in_list("http", http, |condition| condition.name.as_str(), covered);
    let tls = spec.tls.iter().map(|route| ("", route.matches.as_slice()));
    found.extend(in_list("tls", tls, |_| "", |_, _| None));
    let tcp = spec.tcp.iter().map(|route| ("", route.matches.as_slice()));
    found.extend(in_list("tcp", tcp, |_| "", |_, _| None));
    found
}

/// An earlier match: the index and name of its rule, its own index and name, and what it says.
#[derive(Clone)]
struct Earlier<'a, M> {
    rule: usize,
    rule_name: String,
    name: String,
    content: &'a M,
}

/// Finds the unused parts of one list. `covered` finds an earlier match that takes all requests of one in a rule.
fn in_list<'a, M: Serialize + 'a>(
    list: &'static str,
    rules: impl Iterator<Item = (&'a str, &'a [M])>,
    name_of: impl Fn(&'a M) -> &'a str,
    covered: impl Fn(&[Earlier<'a, M>], (usize, &'a M)) -> Option<usize>,
) -> Vec<Unused> {
    let (mut found, mut catch_all): (_, Option<String>) = (Vec::new(), None);
    let (mut earlier, mut known) = (Vec::<Earlier<'a, M>>::new(), BTreeMap::<String, usize>::new());
    for (index, (rule_name, matches)) in rules.enumerate() {
        let rule = named(rule_name, index);
        if let Some(taker) = &catch_all {
            let reason = format!("rule {taker} has no match and takes every request");
            found.push(Unused::Rule { list, index, rule, reason });
            continue;
        }
        let mut duplicates = 0;
        for (number, content) in matches.iter().enumerate() {
            if earlier.len() >= MOST {
                return found;
            }
            let same = known.get(&key(content)).copied();
            duplicates += usize::from(same.is_some());
            let name = named(name_of(content), number);
            if let Some(taker) = same.or_else(|| covered(&earlier, (index, content))).and_then(|at| earlier.get(at)) {
                let by = format!("match {} of rule {}", taker.name, taker.rule_name);
                found.push(Unused::Match {
                    list,
                    index: (index, number),
                    rule: rule.clone(),
                    number: name.clone(),
                    by,
                });
            }
            known.entry(key(content)).or_insert(earlier.len());
            earlier.push(Earlier { rule: index, rule_name: rule.clone(), name, content });
        }
        if matches.is_empty() {
            catch_all = Some(rule);
        } else if duplicates == matches.len() {
            let reason = "earlier rules have all of its matches".to_owned();
            found.push(Unused::Rule { list, index, rule, reason });
        }
    }
    found
}

fn named(name: &str, index: usize) -> String {
    if name.is_empty() { format!("#{index}") } else { format!("{name:?}") }
}

/// What a match says, without its name.
fn key<M: Serialize>(content: &M) -> String {
    let mut value = serde_json::to_value(content).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("name");
        fields.remove("statPrefix");
    }
    value.to_string()
}

/// The earlier match that takes all requests of a match in a rule.
fn covered(earlier: &[Earlier<'_, HttpMatch>], (rule, content): (usize, &HttpMatch)) -> Option<usize> {
    // Within one rule, an exact path beside its prefix is redundant, and has the same effect.
    let is_exact = matches!(content.uri, Some(StringMatch::Exact(_)));
    let compared = earlier.iter().take(MOST_COMPARED).enumerate();
    let mut compared = compared.filter(|(_, one)| !(one.rule == rule && is_exact));
    compared.find(|(_, one)| covers(one.content, content)).map(|(at, _)| at)
}

/// Whether every request of `b` is also one of `a`.
fn covers(a: &HttpMatch, b: &HttpMatch) -> bool {
    let is_subset = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
        a.iter().all(|(name, value)| b.get(name) == Some(value))
    };
    covers_text(a.uri.as_ref(), b.uri.as_ref())
        && (a.uri.is_none() || a.ignore_uri_case == b.ignore_uri_case)
        && covers_text(a.scheme.as_ref(), b.scheme.as_ref())
        && covers_text(a.method.as_ref(), b.method.as_ref())
        && covers_text(a.authority.as_ref(), b.authority.as_ref())
        && covers_map(&a.headers, &b.headers)
        && covers_map(&a.query_params, &b.query_params)
        && a.without_headers.iter().all(|(name, value)| b.without_headers.get(name) == Some(value))
        && (a.port == 0 || a.port == b.port)
        && is_subset(&a.source_labels, &b.source_labels)
        && (a.source_namespace.is_empty() || a.source_namespace == b.source_namespace)
        && (a.gateways.is_empty() || !b.gateways.is_empty() && b.gateways.iter().all(|one| a.gateways.contains(one)))
}

fn covers_map(a: &BTreeMap<String, StringMatch>, b: &BTreeMap<String, StringMatch>) -> bool {
    a.iter().all(|(name, value)| b.get(name).is_some_and(|other| covers_text(Some(value), Some(other))))
}

fn covers_text(a: Option<&StringMatch>, b: Option<&StringMatch>) -> bool {
    match (a, b) {
        (None | Some(StringMatch::Unset), _) => true,
        (Some(StringMatch::Prefix(a)), Some(StringMatch::Exact(b) | StringMatch::Prefix(b))) => b.starts_with(a),
        (Some(a), Some(b)) => a == b,
        (Some(_), None) => false,
    }
}
