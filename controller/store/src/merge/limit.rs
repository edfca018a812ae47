//! Limits of what one VirtualService multiplies. Each host has all routes, and each match of a delegate is joined to
//! each match of its root. So an object of a hundred kilobytes could become gigabytes.

use std::sync::Arc;

use heddle_crds::validate::virtual_service;
use heddle_model::{
    issue::Issue,
    limit::MAX_ROUTES,
    route::{HttpRoute, VirtualService},
};

/// Matches of the HTTP routes of one VirtualService with its delegates. Each is a route of Envoy's.
pub(crate) const MAX_MATCHES: usize = 10_000;
// What validation warns of is what is left out.
const _: () = assert!(MAX_ROUTES == virtual_service::MAX_ROUTES);

/// How many routes of Envoy's a rule becomes.
pub(crate) fn matches(rule: &HttpRoute) -> usize {
    rule.matches.len().max(1)
}

/// The VirtualService with as many of its hosts as may have its routes.
pub(crate) fn bounded(virtual_service: Arc<VirtualService>, issues: &mut Vec<Issue>) -> Arc<VirtualService> {
    let VirtualService { reach, http } = &*virtual_service;
    let routes: usize = http.iter().map(|rule| matches(rule)).sum();
    let most = (MAX_ROUTES / routes.max(1)).max(1);
    if reach.hosts.len() <= most {
        return virtual_service;
    }
    let message = format!(
        "{} hosts with {routes} HTTP routes each are more than {MAX_ROUTES} routes; only the first {most} hosts count",
        reach.hosts.len()
    );
    issues.push(Issue::error(&reach.origin.object, "spec.hosts", "TooManyRoutes", message));
    let mut reach = (**reach).clone();
    reach.hosts.truncate(most);
    Arc::new(VirtualService::new(reach, http.clone()))
}
