//! Delegates: rules of a VirtualService without hosts, taken into the rules that delegate to it.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    Text,
    issue::Issue,
    route::{HttpMatch, HttpRoute, StringMatch, VirtualService},
};

use super::limit;
use crate::ingest::virtual_service::{Delegation, Rule, UnmergedVirtualService};

/// A root's VirtualService with the rules of its delegates. `find` gives a delegate by namespace and name.
pub(crate) fn merge(
    root: &UnmergedVirtualService,
    find: impl Fn(&Delegation) -> Option<Arc<UnmergedVirtualService>>,
    issues: &mut Vec<Issue>,
) -> VirtualService {
    let mut http = Vec::with_capacity(root.rules.len());
    let mut left = limit::MAX_MATCHES;
    for rule in &root.rules {
        match rule {
            Rule::Route(route) => http.push(route.clone()),
            Rule::Delegate(delegation) => match find(delegation) {
                Some(delegate) => take_in(root, delegation, &delegate, (&mut http, &mut left), issues),
                None => issues.push(refusal(root, delegation, "UnknownDelegate", "does not exist")),
            },
        }
    }
    VirtualService::new((*root.virtual_service.reach).clone(), http)
}

fn take_in(
    root: &UnmergedVirtualService,
    delegation: &Delegation,
    delegate: &UnmergedVirtualService,
    (http, left): (&mut Vec<Arc<HttpRoute>>, &mut usize),
    issues: &mut Vec<Issue>,
) {
    if !delegate.is_delegate() {
        return issues.push(refusal(root, delegation, "NotADelegate", "has hosts of its own"));
    }
    if !delegate.virtual_service.reach.export_to.sees(root.virtual_service.reach.origin.namespace()) {
        return issues.push(refusal(root, delegation, "NotExported", "is not exported to this namespace"));
    }
    for rule in &delegate.virtual_service.http {
        // Before they are joined: the work is as large as the result.
        let Some(rest) = left.checked_sub(limit::matches(&delegation.rule) * limit::matches(rule)) else {
            *left = 0;
            return issues.push(overflow(root, delegation, rule));
        };
        *left = rest;
        if let Some(merged) = merge_rule(&delegation.rule, rule) {
            http.push(Arc::new(merged));
            continue;
        }
        let message = format!("its matches lie outside those of {} of {}", delegation.rule.field, origin(root));
        issues.push(Issue::error(&rule.origin.object, rule.field.clone(), "DelegateConflict", message));
    }
}

fn refusal(root: &UnmergedVirtualService, delegation: &Delegation, reason: &'static str, what: &str) -> Issue {
    let Delegation { namespace, name, rule } = delegation;
    let message = format!("VirtualService {namespace}/{name} {what}; the rule is ignored");
    Issue::error(&root.virtual_service.reach.origin.object, format!("{}.delegate", rule.field), reason, message)
}

/// From this rule of a delegate on there are too many matches.
fn overflow(root: &UnmergedVirtualService, delegation: &Delegation, rule: &HttpRoute) -> Issue {
    let Delegation { namespace, name, rule: outer } = delegation;
    let message = format!(
        "the matches of this rule times those of its delegates are more than {}; {} and later rules of VirtualService \
         {namespace}/{name} are ignored",
        limit::MAX_MATCHES,
        rule.field
    );
    let object = &root.virtual_service.reach.origin.object;
    Issue::error(object, format!("{}.delegate", outer.field), "TooManyRoutes", message)
}

fn origin(root: &UnmergedVirtualService) -> String {
    root.virtual_service.reach.origin.object.to_string()
}

/// A delegate's rule under a root's: what the delegate does not say is the root's. Nothing when their matches conflict.
fn merge_rule(root: &HttpRoute, rule: &HttpRoute) -> Option<HttpRoute> {
    let matches = merge_matches(&root.matches, &rule.matches)?;
    let mut merged = HttpRoute { matches, name: join(&root.name, &rule.name), ..rule.clone() };
    merged.rewrite = merged.rewrite.or_else(|| root.rewrite.clone());
    merged.timeout = merged.timeout.or(root.timeout);
    merged.retries = merged.retries.or_else(|| root.retries.clone());
    merged.fault = merged.fault.or_else(|| root.fault.clone());
    merged.cors = merged.cors.or_else(|| root.cors.clone());
    if merged.mirrors.is_empty() {
        merged.mirrors.clone_from(&root.mirrors);
    }
    if merged.headers == heddle_model::route::HeaderChanges::default() {
        merged.headers.clone_from(&root.headers);
    }
    Some(merged)
}

/// Each match of the delegate must lie within one of the root's.
fn merge_matches(root: &[HttpMatch], rule: &[HttpMatch]) -> Option<Vec<HttpMatch>> {
    if root.is_empty() {
        return Some(rule.to_vec());
    }
    if rule.is_empty() {
        return Some(root.to_vec());
    }
    let mut merged = Vec::with_capacity(rule.len());
    for inner in rule {
        let before = merged.len();
        merged.extend(root.iter().filter(|outer| is_within(outer, inner)).map(|outer| merge_match(outer, inner)));
        if merged.len() == before {
            return None;
        }
    }
    Some(merged)
}

fn merge_match(outer: &HttpMatch, inner: &HttpMatch) -> HttpMatch {
    let mut merged = HttpMatch { name: join(&outer.name, &inner.name), ..inner.clone() };
    let or = |own: Option<StringMatch>, other: &Option<StringMatch>| own.or_else(|| other.clone());
    merged.uri = or(merged.uri, &outer.uri);
    merged.scheme = or(merged.scheme, &outer.scheme);
    merged.method = or(merged.method, &outer.method);
    merged.authority = or(merged.authority, &outer.authority);
    merged.port = merged.port.or(outer.port);
    merged.ignore_case |= outer.ignore_case;
    fill(&mut merged.headers, &outer.headers);
    fill(&mut merged.without_headers, &outer.without_headers);
    fill(&mut merged.query, &outer.query);
    for (key, value) in outer.source_labels.iter() {
        merged.source_labels.insert(key.clone(), value.clone());
    }
    if merged.source_namespace.is_empty() {
        merged.source_namespace = outer.source_namespace.clone();
    }
    if merged.gateways.is_empty() {
        merged.gateways.clone_from(&outer.gateways);
    }
    if merged.stat_prefix.is_empty() {
        merged.stat_prefix = outer.stat_prefix.clone();
    }
    merged
}

type Named = BTreeMap<Text, Option<StringMatch>>;

fn fill(own: &mut Named, other: &Named) {
    for (name, condition) in other {
        own.entry(name.clone()).or_insert_with(|| condition.clone());
    }
}

fn is_within(outer: &HttpMatch, inner: &HttpMatch) -> bool {
    let pairs = [
        (&outer.uri, &inner.uri),
        (&outer.scheme, &inner.scheme),
        (&outer.method, &inner.method),
        (&outer.authority, &inner.authority),
    ];
    let named = |outer: &Named, inner: &Named| {
        inner
            .iter()
            .all(|(name, condition)| outer.get(name).is_none_or(|other| includes(other.as_ref(), condition.as_ref())))
    };
    pairs.iter().all(|(outer, inner)| includes(outer.as_ref(), inner.as_ref()))
        && named(&outer.headers, &inner.headers)
        && named(&outer.without_headers, &inner.without_headers)
        && named(&outer.query, &inner.query)
        && (outer.uri.is_none() || inner.uri.is_none() || outer.ignore_case == inner.ignore_case)
        && (outer.port.is_none() || inner.port.is_none() || outer.port == inner.port)
        && are_callers_within(outer, inner)
}

/// Whether the callers that `inner` names may be among those of `outer`.
fn are_callers_within(outer: &HttpMatch, inner: &HttpMatch) -> bool {
    let namespace = |of: &HttpMatch| Some(of.source_namespace.clone()).filter(|namespace| !namespace.is_empty());
    let other_label = |(key, value): (&Text, &Text)| outer.source_labels.get(key).is_some_and(|known| known != value);
    namespace(outer).is_none_or(|known| namespace(inner).is_none_or(|own| own == known))
        && !inner.source_labels.iter().any(other_label)
        && (outer.gateways.is_empty() || inner.gateways.iter().all(|gateway| outer.gateways.contains(gateway)))
}

/// Whether what `inner` takes is taken by `outer` too. Patterns cannot be compared, so they are within equal ones only.
fn includes(outer: Option<&StringMatch>, inner: Option<&StringMatch>) -> bool {
    let (Some(outer), Some(inner)) = (outer, inner) else { return true };
    match (outer, inner) {
        (StringMatch::Prefix(prefix), StringMatch::Prefix(text) | StringMatch::Exact(text)) => {
            text.starts_with(&**prefix)
        }
        (outer, inner) => outer == inner,
    }
}

fn join(outer: &Text, inner: &Text) -> Text {
    match (outer.is_empty(), inner.is_empty()) {
        (_, true) => outer.clone(),
        (true, false) => inner.clone(),
        (false, false) => format!("{outer}-{inner}").into(),
    }
}
