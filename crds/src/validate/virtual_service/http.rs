//! Routes of HTTP requests.

use super::{VirtualServiceContext, action, matching};
use crate::StringMatch;
use crate::decode::Path;
use crate::networking::destination::Destination;
use crate::networking::virtual_service::{HttpMatch, HttpRoute, HttpRouteDestination};
use crate::validate::label::is_dns_label;
use crate::validate::report::{Report, quote};
use crate::validate::{header, host, port, time};

/// Checks a route.
pub(super) fn route(route: &HttpRoute, scope: &VirtualServiceContext<'_>, at: &Path<'_>, out: &mut Report) {
    conflicts(route, scope.is_delegate, at, out);
    for (index, condition) in route.matches.iter().enumerate() {
        matching::http(condition, scope.is_generated, &at.field("match").index(index), out);
    }
    header::operations(route.headers.as_ref(), &at.field("headers"), out);
    header::authority(route.rewrite.as_ref(), route.headers.as_ref(), at, out);
    if let Some(policy) = &route.cors_policy {
        action::cors(policy, &at.field("corsPolicy"), out);
    }
    if let Some(fault) = &route.fault {
        action::fault(fault, &at.field("fault"), out);
    }
    mirrors(route, scope.is_generated, at, out);
    if let Some(redirect) = &route.redirect {
        action::redirect(redirect, &at.field("redirect"), out);
        let has_prefix =
            |condition: &HttpMatch| !matches!(condition.uri, Some(StringMatch::Exact(_) | StringMatch::Regex(_)));
        if !redirect.prefix_rewrite.is_empty() && !route.matches.iter().all(has_prefix) {
            out.refuse(&at.field("redirect").field("prefixRewrite"), "needs matches of a prefix");
        }
    }
    if let Some(response) = &route.direct_response {
        action::direct_response(response, &at.field("directResponse"), out);
    }
    if let Some(retries) = &route.retries {
        action::retries(retries, &at.field("retries"), out);
    }
    if let Some(rewrite) = &route.rewrite {
        action::rewrite(rewrite, &at.field("rewrite"), out);
    }
    out.need(&at.field("timeout"), time::positive(route.timeout));
    destinations(&route.route, scope.is_generated, &at.field("route"), out);
}

/// Checks a destination that must be there.
pub(super) fn destination(destination: Option<&Destination>, is_generated: bool, at: &Path<'_>, out: &mut Report) {
    let Some(destination) = destination else { return out.refuse(at, "is required") };
    if destination.host == "*" {
        out.refuse(&at.field("host"), "a wildcard is no destination");
    } else if !(is_generated && destination.host.is_empty()) {
        out.need(&at.field("host"), host::wildcard(&destination.host));
    }
    if !destination.subset.is_empty() && !is_dns_label(&destination.subset) {
        out.refuse(&at.field("subset"), format_args!("{} is not a subset's name", quote(&destination.subset)));
    }
    if let Some(selector) = &destination.port {
        out.need(&at.field("port").field("number"), port::number(selector.number));
    }
}

/// Checks the weights of destinations: none negative, a sum that fits, and some traffic for one of several.
pub(super) fn weights(weights: impl ExactSizeIterator<Item = i32>, at: &Path<'_>, out: &mut Report) {
    let count = weights.len();
    let mut total: i64 = 0;
    for (index, weight) in weights.enumerate() {
        if weight < 0 {
            out.refuse(&at.index(index).field("weight"), format_args!("{weight} is negative"));
        }
        total += i64::from(weight.max(0));
    }
    if count > 1 && total == 0 {
        out.refuse(at, "all weights are 0");
    }
    if total > i64::from(u32::MAX) {
        out.refuse(at, format_args!("the weights add up to {total}, more than {}", u32::MAX));
    }
}

fn destinations(routes: &[HttpRouteDestination], is_generated: bool, at: &Path<'_>, out: &mut Report) {
    for (index, route) in routes.iter().enumerate() {
        let at = at.index(index);
        header::operations(route.headers.as_ref(), &at.field("headers"), out);
        destination(route.destination.as_ref(), is_generated, &at.field("destination"), out);
    }
    weights(routes.iter().map(|route| route.weight), at, out);
}

fn mirrors(route: &HttpRoute, is_generated: bool, at: &Path<'_>, out: &mut Report) {
    if route.mirror.is_some() && !route.mirrors.is_empty() {
        out.refuse(&at.field("mirrors"), "excludes mirror");
    }
    if route.mirror.is_some() {
        destination(route.mirror.as_ref(), is_generated, &at.field("mirror"), out);
    }
    if let Some(percent) = route.mirror_percent {
        out.warn(&at.field("mirrorPercent"), "is deprecated; use mirrorPercentage");
        if percent > 100 {
            out.refuse(&at.field("mirrorPercent"), format_args!("{percent} is more than 100 per cent"));
        }
    }
    if let Some(percent) = route.mirror_percentage {
        out.need(&at.field("mirrorPercentage").field("value"), action::share(percent.value));
    }
    for (index, mirror) in route.mirrors.iter().enumerate() {
        let at = at.field("mirrors");
        let at = at.index(index);
        destination(mirror.destination.as_ref(), is_generated, &at.field("destination"), out);
        if let Some(percent) = mirror.percentage {
            out.need(&at.field("percentage").field("value"), action::share(percent.value));
        }
    }
}

/// Which parts of a route exclude each other.
fn conflicts(route: &HttpRoute, is_delegate: bool, at: &Path<'_>, out: &mut Report) {
    let (sends, redirects) = (!route.route.is_empty(), route.redirect.is_some());
    let answers = route.direct_response.is_some();
    if is_delegate && route.delegate.is_some() {
        out.refuse(&at.field("delegate"), "a delegate cannot delegate");
    }
    let forbidden: &[(&str, bool)] = if route.delegate.is_some() && !is_delegate {
        &[("redirect", redirects), ("route", sends)]
    } else if redirects {
        &[
            ("route", sends),
            ("fault", route.fault.is_some()),
            ("rewrite", route.rewrite.is_some()),
            ("directResponse", answers),
        ]
    } else if answers {
        &[("route", sends), ("fault", route.fault.is_some()), ("rewrite", route.rewrite.is_some())]
    } else {
        if !sends {
            out.refuse(at, "one of route, redirect, directResponse and delegate is required");
        }
        &[]
    };
    let by = match (route.delegate.is_some() && !is_delegate, redirects) {
        (true, _) => "delegate",
        (false, true) => "redirect",
        (false, false) => "directResponse",
    };
    for (name, _) in forbidden.iter().filter(|(_, is_set)| *is_set) {
        out.refuse(&at.field(name), format_args!("is excluded by {by}"));
    }
}
