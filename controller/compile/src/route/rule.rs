//! One VirtualService's HTTP rules as Envoy's routes, in order; rules after one that takes everything are unreachable.

use std::sync::Arc;

use heddle_model::route::{HttpAction, HttpMatch, HttpRoute, VirtualService};
use heddle_xds_api::envoy::config::route::v3::{Decorator, Route, route::Action};

use super::{Issues, RouteContext, action, cors, fault, header, matcher, redirect};
use crate::envoy::{any::any, metadata};

/// Name of the filter whose per-route configuration carries CORS.
const CORS: &str = "envoy.filters.http.cors";
/// Name of the filter whose per-route configuration carries faults.
const FAULT: &str = "envoy.filters.http.fault";

/// The routes of a VirtualService that apply here.
pub(crate) fn routes_of(
    context: &RouteContext<'_>,
    virtual_service: &VirtualService,
    issues: &mut Issues,
) -> Vec<Route> {
    let mut routes = Vec::new();
    for rule in &virtual_service.http {
        if rule_routes(context, virtual_service, rule, &mut routes, issues) {
            break;
        }
    }
    routes
}

/// Adds a rule's routes; true when one of them takes everything.
fn rule_routes(
    context: &RouteContext<'_>,
    virtual_service: &VirtualService,
    rule: &Arc<HttpRoute>,
    routes: &mut Vec<Route>,
    issues: &mut Issues,
) -> bool {
    let none = HttpMatch::default();
    let matches = if rule.matches.is_empty() { std::slice::from_ref(&none) } else { &rule.matches };
    for condition in matches {
        if !matcher::applies(context, virtual_service, condition) {
            continue;
        }
        let declared = !rule.matches.is_empty();
        let Some(route) = route(context, virtual_service, rule, condition, declared, issues) else { continue };
        let everything = matcher::takes_everything(condition);
        routes.push(route);
        if everything {
            return true;
        }
    }
    false
}

fn route(
    context: &RouteContext<'_>,
    virtual_service: &VirtualService,
    rule: &HttpRoute,
    condition: &HttpMatch,
    declared: bool,
    issues: &mut Issues,
) -> Option<Route> {
    let mut route = Route {
        name: name(rule, condition),
        r#match: Some(matcher::route_match(condition, declared)),
        metadata: Some(metadata::config("virtual-service", &virtual_service.reach.origin.object)),
        stat_prefix: condition.stat_prefix.to_string(),
        ..Route::default()
    };
    header::apply(&rule.headers, &mut route);
    match &rule.action {
        HttpAction::Redirect(to) => route.action = Some(Action::Redirect(redirect::redirect(to, context.port))),
        HttpAction::Respond(with) => route.action = Some(Action::DirectResponse(redirect::respond(with))),
        HttpAction::Forward(to) => {
            let (forward, operation) = action::forward(context, rule, to, condition, issues)?;
            route.action = Some(Action::Route(forward));
            route.decorator = Some(Decorator { operation, ..Decorator::default() });
        }
    }
    if let Some(faults) = &rule.fault {
        route.typed_per_filter_config.insert(FAULT.into(), any(&fault::fault(faults)));
    }
    if let Some(policy) = &rule.cors {
        route.typed_per_filter_config.insert(CORS.into(), any(&cors::policy(policy)));
    }
    Some(route)
}

fn name(rule: &HttpRoute, condition: &HttpMatch) -> String {
    if condition.name.is_empty() { rule.name.to_string() } else { format!("{}.{}", rule.name, condition.name) }
}
