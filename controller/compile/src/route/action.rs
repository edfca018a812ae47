//! Forwarding: to one cluster or to several by weight.

use std::time::Duration;

use heddle_model::{
    issue::Issue,
    route::{Destination, HttpDestination, HttpMatch, HttpRoute, Rewrite, StringMatch},
    service::Service,
};
use heddle_xds_api::envoy::{
    config::route::v3::{
        RouteAction, WeightedCluster,
        route_action::{ClusterSpecifier, HashPolicy, HostRewriteSpecifier},
        weighted_cluster::{ClusterWeight, cluster_weight},
    },
    r#type::matcher::v3::RegexMatchAndSubstitute,
};

use super::{Issues, RouteContext, hash, header, matcher, mirror, retry};
use crate::{
    envoy::duration::duration,
    name,
    visible::{Lookup, unknown},
};

/// An action that forwards to weighted destinations, and the operation's name for traces.
pub(super) fn forward(
    context: &RouteContext<'_>,
    rule: &HttpRoute,
    destinations: &[HttpDestination],
    condition: &HttpMatch,
    issues: &mut Issues,
) -> Option<(RouteAction, String)> {
    let used = used(destinations);
    let first = used.first()?.1;
    let hash = used.iter().find_map(|(_, d)| hash_policy(context, &d.destination));
    let mut action = action(context, rule, hash.is_some());
    action.hash_policy = hash.into_iter().collect();
    action.cluster_specifier = Some(match used.as_slice() {
        [(index, only)] if header_free(only) => {
            ClusterSpecifier::Cluster(cluster(context, rule, &field(rule, *index), &only.destination, issues))
        }
        several => ClusterSpecifier::WeightedClusters(WeightedCluster {
            clusters: several.iter().map(|(i, d)| share(context, rule, *i, d, issues)).collect(),
            ..WeightedCluster::default()
        }),
    });
    for (index, copy) in rule.mirrors.iter().enumerate() {
        let field = format!("{}.mirrors[{index}]", rule.field);
        let target = cluster(context, rule, &field, &copy.destination, issues);
        action.request_mirror_policies.extend(mirror::policy(copy, target));
    }
    if let Some(host) = header::authority(&rule.headers) {
        action.host_rewrite_specifier = Some(HostRewriteSpecifier::HostRewriteLiteral(host.to_string()));
    }
    if let Some(rewrite) = &rule.rewrite {
        apply_rewrite(rewrite, &mut action);
    }
    let port = port(context, &first.destination);
    Some((action, operation(&first.destination, port, condition)))
}

/// An action that forwards everything to a cluster, as for a service that no VirtualService speaks for.
pub(crate) fn default_action(context: &RouteContext<'_>, cluster: String, hash: Option<HashPolicy>) -> RouteAction {
    RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster)),
        retry_policy: retry::policy(context.visible.mesh().retries.as_ref(), false),
        hash_policy: hash.into_iter().collect(),
        ..timed(Duration::ZERO)
    }
}

/// The hash policy that a destination's rule asks for.
pub(super) fn hash_policy(context: &RouteContext<'_>, destination: &Destination) -> Option<HashPolicy> {
    let service = context.visible.service(&destination.host)?;
    hash::policy(context.visible.rule(service)?, destination, port(context, destination))
}

/// The port of a destination: its own, else the service's only one, else the listener's.
pub(super) fn port(context: &RouteContext<'_>, destination: &Destination) -> u16 {
    let only = |service: &Service| match service.ports.as_slice() {
        [port] => Some(port.number),
        _ => None,
    };
    let of_service = || context.visible.service(&destination.host).and_then(|s| only(s));
    destination.port.or_else(of_service).unwrap_or(context.port)
}

fn action(context: &RouteContext<'_>, rule: &HttpRoute, sticky: bool) -> RouteAction {
    let retries = rule.retries.as_ref().or(context.visible.mesh().retries.as_ref());
    RouteAction { retry_policy: retry::policy(retries, sticky), ..timed(rule.timeout.unwrap_or_default()) }
}

/// gRPC's own timeout header is obeyed, but never beyond the route's timeout. Said by the old field: Envoy ignores the
/// timeout of a route that has the new one, `max_stream_duration`.
fn timed(timeout: Duration) -> RouteAction {
    let timeout = Some(duration(timeout));
    RouteAction { timeout, max_grpc_timeout: timeout, ..RouteAction::default() }
}

/// The destinations that get anything, with their places. All zero: the first gets all.
fn used(destinations: &[HttpDestination]) -> Vec<(usize, &HttpDestination)> {
    let weighted: Vec<_> = destinations.iter().enumerate().filter(|(_, d)| d.weight > 0).collect();
    if weighted.is_empty() { destinations.iter().enumerate().take(1).collect() } else { weighted }
}

fn header_free(destination: &HttpDestination) -> bool {
    destination.headers == heddle_model::route::HeaderChanges::default()
}

fn share(
    context: &RouteContext<'_>,
    rule: &HttpRoute,
    index: usize,
    to: &HttpDestination,
    issues: &mut Issues,
) -> ClusterWeight {
    let mut share = ClusterWeight {
        name: cluster(context, rule, &field(rule, index), &to.destination, issues),
        weight: Some(to.weight.max(1)),
        ..ClusterWeight::default()
    };
    header::apply_weighted(&to.headers, &mut share);
    share.host_rewrite_specifier = header::authority(&to.headers)
        .map(|host| cluster_weight::HostRewriteSpecifier::HostRewriteLiteral(host.to_string()));
    share
}

fn field(rule: &HttpRoute, index: usize) -> String {
    format!("{}.route[{index}]", rule.field)
}

/// The cluster of a destination. A subset that no rule defines is replaced by the whole service, and reported.
fn cluster(
    context: &RouteContext<'_>,
    rule: &HttpRoute,
    field: &str,
    destination: &Destination,
    issues: &mut Issues,
) -> String {
    let port = port(context, destination);
    let Some(service) = context.visible.service(&destination.host) else {
        let message = format!("{}; requests get 503", unknown(context.visible, &destination.host));
        let path = format!("{field}.destination.host");
        issues.push(Issue::error(&rule.origin.object, path, "UnknownHost", message));
        return name::missing(port, destination, &context.visible.mesh().domain);
    };
    if service.port(port).is_none() {
        let message = format!("service {} has no port {port}; requests get 503", service.host);
        let path = format!("{field}.destination.port.number");
        issues.push(Issue::error(&rule.origin.object, path, "UnknownPort", message));
    }
    let subset = &destination.subset;
    let known = || context.visible.rule(service).is_some_and(|rule| rule.subset(subset).is_some());
    if subset.is_empty() || known() {
        return name::outbound(port, subset, &service.host);
    }
    let message =
        format!("no DestinationRule of {} defines subset `{subset}`; the whole service is used", service.host);
    issues.push(Issue::error(&rule.origin.object, format!("{field}.destination.subset"), "UnknownSubset", message));
    name::outbound(port, "", &service.host)
}

fn apply_rewrite(rewrite: &Rewrite, action: &mut RouteAction) {
    if let Some((pattern, substitution)) = &rewrite.regex {
        action.regex_rewrite = Some(RegexMatchAndSubstitute {
            pattern: Some(matcher::regex_matcher(pattern)),
            substitution: substitution.to_string(),
        });
    } else if let Some(uri) = &rewrite.uri {
        action.prefix_rewrite = uri.to_string();
    }
    if let Some(authority) = &rewrite.authority {
        action.host_rewrite_specifier = Some(HostRewriteSpecifier::HostRewriteLiteral(authority.to_string()));
    }
}

fn operation(destination: &Destination, port: u16, condition: &HttpMatch) -> String {
    let path = match &condition.uri {
        Some(StringMatch::Exact(path) | StringMatch::Regex(path)) => path.to_string(),
        Some(StringMatch::Prefix(prefix)) => format!("{prefix}*"),
        None => "/*".into(),
    };
    format!("{}:{port}{path}", destination.host)
}
