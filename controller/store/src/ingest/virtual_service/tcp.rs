//! Routes of TLS and TCP connections.

use heddle_crds::networking::virtual_service as written;
use heddle_model::route::{TcpRoute, TlsRoute, WeightedDestination};

use super::{IngestContext, matching, route};
use crate::ingest::Report;

/// TLS rules; those without a usable match or destination are left out.
pub(super) fn tls_routes(spec: &written::Spec, scope: &IngestContext<'_>, report: &mut Report) -> Vec<TlsRoute> {
    let mut found = Vec::with_capacity(spec.tls.len());
    for (index, rule) in spec.tls.iter().enumerate() {
        let field = format!("spec.tls[{index}]");
        let mut matches = Vec::with_capacity(rule.matches.len());
        for (index, written) in rule.matches.iter().enumerate() {
            matches.extend(matching::tls_match(written, &format!("{field}.match[{index}]"), scope, report));
        }
        if rule.matches.is_empty() {
            report.error(format!("{field}.match"), "MissingMatch", "a TLS route needs a match; it is ignored");
        }
        let destinations = destinations(&rule.route, &field, scope, report);
        if !matches.is_empty() && !destinations.is_empty() {
            found.push(TlsRoute { field, matches, destinations });
        }
    }
    found
}

/// TCP rules; those without a usable match or destination are left out.
pub(super) fn tcp_routes(spec: &written::Spec, scope: &IngestContext<'_>, report: &mut Report) -> Vec<TcpRoute> {
    let mut found = Vec::with_capacity(spec.tcp.len());
    for (index, rule) in spec.tcp.iter().enumerate() {
        let field = format!("spec.tcp[{index}]");
        let mut matches = Vec::with_capacity(rule.matches.len());
        for (index, written) in rule.matches.iter().enumerate() {
            matches.extend(matching::l4_match(written, &format!("{field}.match[{index}]"), scope, report));
        }
        let destinations = destinations(&rule.route, &field, scope, report);
        if (rule.matches.is_empty() || !matches.is_empty()) && !destinations.is_empty() {
            found.push(TcpRoute { field, matches, destinations });
        }
    }
    found
}

fn destinations(
    routes: &[written::RouteDestination],
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Vec<WeightedDestination> {
    if routes.is_empty() {
        report.error(format!("{field}.route"), "MissingDestination", "there is no destination; the rule is ignored");
    }
    let mut found = Vec::with_capacity(routes.len());
    for (index, written) in routes.iter().enumerate() {
        let field = format!("{field}.route[{index}]");
        let destination = written.destination.as_ref();
        let Some(destination) = route::destination(destination, &format!("{field}.destination"), scope, report) else {
            continue;
        };
        let weight = route::weight(written.weight, &field, report);
        found.push(WeightedDestination { destination, weight });
    }
    route::fit(found.iter_mut().map(|to| &mut to.weight), &format!("{field}.route"), report);
    found
}
