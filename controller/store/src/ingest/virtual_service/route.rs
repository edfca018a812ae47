//! HTTP rules and their destinations.

use std::sync::Arc;

use heddle_crds::networking::{destination as dest, virtual_service as written};
use heddle_model::{
    host::Host,
    route::{Destination, HttpAction, HttpDestination, HttpRoute},
};

use super::{Delegation, IngestContext, Rule, action, matching};
use crate::ingest::{Report, name, scalar};

/// One rule; nothing when it cannot do anything.
pub(super) fn rule(
    written: &written::HttpRoute,
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Option<Rule> {
    let matches = matching::http_matches(&written.matches, field, scope, report);
    let delegate = written.delegate.as_ref();
    let action = match delegate {
        Some(_) => Some(HttpAction::Forward(Vec::new())),
        None => http_action(written, field, scope, report),
    };
    let at = |name: &str| format!("{field}.{name}");
    let route = HttpRoute {
        origin: scope.origin.clone(),
        field: field.to_owned(),
        name: written.name.as_str().into(),
        matches: matches?,
        action: action?,
        rewrite: written.rewrite.as_ref().and_then(|r| action::rewrite(r, &at("rewrite"), report)),
        timeout: scalar::duration(written.timeout, &at("timeout"), report),
        retries: written.retries.as_ref().map(|r| action::retries(r, &at("retries"), report)),
        fault: written.fault.as_ref().and_then(|f| action::fault(f, &at("fault"), report)),
        mirrors: action::mirrors(written, field, scope, report),
        cors: written.cors_policy.as_ref().map(|c| action::cors(c, &at("corsPolicy"), report)),
        headers: action::headers(written.headers.as_ref(), &at("headers"), report),
    };
    let Some(delegate) = delegate else { return Some(Rule::Route(Arc::new(route))) };
    if !written.route.is_empty() || written.redirect.is_some() || written.direct_response.is_some() {
        report.error(at("delegate"), "Exclusive", "a rule that delegates has no route, redirect or direct response");
    }
    if delegate.name.is_empty() {
        report.error(at("delegate.name"), "BadName", "the delegate has no name; the rule is ignored");
        return None;
    }
    let own = delegate.namespace.is_empty() || delegate.namespace == ".";
    let namespace = if own { scope.origin.namespace().clone() } else { delegate.namespace.as_str().into() };
    let name = delegate.name.as_str().into();
    Some(Rule::Delegate(Box::new(Delegation { namespace, name, rule: route })))
}

/// A destination; nothing when it names none.
pub(super) fn destination(
    written: Option<&dest::Destination>,
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Option<Destination> {
    let Some(written) = written else {
        report.error(field, "MissingDestination", "there is no destination; the entry is ignored");
        return None;
    };
    let host: Host = name::host(scope.mesh, scope.origin.namespace(), &written.host, &format!("{field}.host"), report)?;
    let port = scalar::selected_port(written.port.as_ref(), field, report).ok()?;
    let short = !written.host.contains('.');
    Some(Destination { host, subset: written.subset.as_str().into(), port, short })
}

/// A weight of zero or more.
pub(super) fn weight(weight: i32, field: &str, report: &mut Report) -> u32 {
    u32::try_from(weight).unwrap_or_else(|_| {
        report.error(format!("{field}.weight"), "BadWeight", format!("{weight} is negative; 0 is taken"));
        0
    })
}

/// Makes the sum of weights fit into 32 bits, as Envoy demands. Their ratio stays.
pub(super) fn fit<'a>(weights: impl ExactSizeIterator<Item = &'a mut u32>, field: &str, report: &mut Report) {
    let count = u32::try_from(weights.len()).unwrap_or(u32::MAX);
    let weights: Vec<&mut u32> = weights.collect();
    let total: u64 = weights.iter().map(|weight| u64::from(**weight)).sum();
    if total > u64::from(u32::MAX) {
        report.error(field, "BadWeight", format!("the weights add up to {total}; they are divided by {count}"));
        for weight in weights {
            *weight /= count;
        }
    }
}

fn http_action(
    written: &written::HttpRoute,
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Option<HttpAction> {
    let said = [!written.route.is_empty(), written.redirect.is_some(), written.direct_response.is_some()];
    if said.iter().filter(|s| **s).count() > 1 {
        let message = "route, redirect and directResponse exclude each other; redirect wins, then directResponse";
        report.error(field, "Exclusive", message);
    }
    if let Some(redirect) = &written.redirect {
        return action::redirect(redirect, &format!("{field}.redirect"), report).map(HttpAction::Redirect);
    }
    if let Some(response) = &written.direct_response {
        return action::respond(response, &format!("{field}.directResponse"), report).map(HttpAction::Respond);
    }
    let mut destinations = Vec::with_capacity(written.route.len());
    for (index, written) in written.route.iter().enumerate() {
        let field = format!("{field}.route[{index}]");
        let found = destination(written.destination.as_ref(), &format!("{field}.destination"), scope, report);
        let Some(destination) = found else { continue };
        let headers = action::headers(written.headers.as_ref(), &format!("{field}.headers"), report);
        destinations.push(HttpDestination { destination, weight: weight(written.weight, &field, report), headers });
    }
    fit(destinations.iter_mut().map(|to| &mut to.weight), &format!("{field}.route"), report);
    if destinations.is_empty() {
        report.error(field, "MissingAction", "the rule has no usable destination, redirect or response; it is ignored");
        return None;
    }
    Some(HttpAction::Forward(destinations))
}
