//! The paths of an Ingress as routes, and their order.

use std::{cmp::Reverse, sync::Arc};

use heddle_model::{
    object::Origin,
    route::{Destination, HeaderChanges, HttpAction, HttpDestination, HttpMatch, HttpRoute, StringMatch},
};

use super::{Ingress, IngressContext, Report, port};
use crate::kube::{IngressBackend, IngressRule};

/// A route with its place among those of a host.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    /// Default backends last, exact paths first, then longer ones, then by age and order.
    pub(super) rank: (bool, bool, Reverse<usize>, usize, usize),
    /// The route.
    pub(super) route: Arc<HttpRoute>,
}

/// The routes of one rule.
pub(super) fn routes(
    ingress: &Ingress,
    index: usize,
    rule: &IngressRule,
    field: &str,
    scope: &IngressContext<'_>,
    report: &mut Report,
) -> Vec<Ranked> {
    let mut routes = Vec::new();
    for (at, path) in rule.http.iter().flat_map(|http| &http.paths).enumerate() {
        let field = format!("{field}.http.paths[{at}]");
        let Some(matches) = matches(&path.path, &path.path_type, &field, report) else { continue };
        let Some(route) = route(ingress, &path.backend, &field, scope, report) else { continue };
        let exact = matches!(matches.as_slice(), [HttpMatch { uri: Some(StringMatch::Exact(_)), .. }]);
        let rank = (false, !exact, Reverse(length(&matches)), index, at);
        routes.push(Ranked { rank, route: Arc::new(HttpRoute { matches, ..route }) });
    }
    routes
}

/// The route of requests that no rule takes.
pub(super) fn default_route(
    ingress: &Ingress,
    index: usize,
    backend: &IngressBackend,
    scope: &IngressContext<'_>,
    report: &mut Report,
) -> Option<Ranked> {
    let route = route(ingress, backend, "spec.defaultBackend", scope, report)?;
    Some(Ranked { rank: (true, true, Reverse(0), index, 0), route: Arc::new(route) })
}

/// What a path matches. By prefix means by whole segments: `/a` is the prefix of `/a/b` and not of `/ab`.
fn matches(path: &str, kind: &str, field: &str, report: &mut Report) -> Option<Vec<HttpMatch>> {
    if !path.is_empty() && !path.starts_with('/') {
        report.error(format!("{field}.path"), "BadPath", format!("{path:?} does not begin with `/`; it is ignored"));
        return None;
    }
    let uri = |uri: StringMatch| HttpMatch { uri: Some(uri), ..HttpMatch::default() };
    let segments = |path: &str| match path.trim_end_matches('/') {
        "" => vec![uri(StringMatch::Prefix("/".into()))],
        path => vec![uri(StringMatch::Exact(path.into())), uri(StringMatch::Prefix(format!("{path}/").into()))],
    };
    Some(match kind {
        "Exact" => vec![uri(StringMatch::Exact(path.into()))],
        "Prefix" => segments(path),
        // Left to the implementation: istiod takes a path as it is, unless it ends in one of these.
        "ImplementationSpecific" | "" => match path.strip_suffix(".*").or_else(|| path.strip_suffix("/*")) {
            _ if path.is_empty() => segments("/"),
            Some("") => segments("/"),
            Some(prefix) => vec![uri(StringMatch::Prefix(prefix.into()))],
            None => vec![uri(StringMatch::Exact(path.into()))],
        },
        other => {
            let message = format!("{other:?} is none of Exact, Prefix and ImplementationSpecific; the path is ignored");
            report.error(format!("{field}.pathType"), "BadPathType", message);
            return None;
        }
    })
}

fn length(matches: &[HttpMatch]) -> usize {
    match matches.first().and_then(|one| one.uri.as_ref()) {
        Some(StringMatch::Exact(path) | StringMatch::Prefix(path) | StringMatch::Regex(path)) => path.len(),
        None => 0,
    }
}

fn route(
    ingress: &Ingress,
    backend: &IngressBackend,
    field: &str,
    scope: &IngressContext<'_>,
    report: &mut Report,
) -> Option<HttpRoute> {
    let origin: &Origin = &ingress.origin;
    let at = if field.ends_with("defaultBackend") { field.to_owned() } else { format!("{field}.backend") };
    let (host, port) = port(origin.namespace(), backend, &at, scope, report)?;
    let destination = Destination { host, subset: "".into(), port: Some(port), short: false };
    Some(HttpRoute {
        origin: origin.clone(),
        field: field.into(),
        name: "".into(),
        matches: Vec::new(),
        action: HttpAction::Forward(vec![HttpDestination {
            destination,
            weight: 0,
            headers: HeaderChanges::default(),
        }]),
        rewrite: None,
        timeout: None,
        retries: None,
        fault: None,
        mirrors: Vec::new(),
        cors: None,
        headers: HeaderChanges::default(),
    })
}
