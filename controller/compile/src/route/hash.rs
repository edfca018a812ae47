//! What a route hashes, where its destination's rule balances by a consistent hash.

use heddle_model::{
    destination_rule::DestinationRule,
    route::Destination,
    traffic::{Balance, HashKey, LoadBalancer, TrafficPolicy},
};
use heddle_xds_api::envoy::config::route::v3::route_action::{
    HashPolicy,
    hash_policy::{ConnectionProperties, Cookie, CookieAttribute, Header, PolicySpecifier, QueryParameter},
};

use crate::envoy::duration::duration;

/// The hash policy for a destination, if its rule asks for one.
pub(super) fn policy(rule: &DestinationRule, destination: &Destination, port: u16) -> Option<HashPolicy> {
    let subset = rule.subset(&destination.subset).and_then(|s| s.policy.as_ref());
    let chosen = subset.and_then(|p| balancer(p, port)).or_else(|| balancer(&rule.policy, port))?;
    match &chosen.choice {
        Balance::Hash { key, .. } => {
            Some(HashPolicy { policy_specifier: Some(specifier(key)), ..HashPolicy::default() })
        }
        _ => None,
    }
}

/// Whether some level of a rule balances by a consistent hash, so that routes hold something of it.
pub(super) fn is_of_routes(rule: &DestinationRule) -> bool {
    let subsets = rule.subsets.iter().filter_map(|subset| subset.policy.as_ref());
    let by_hash = |one: Option<&LoadBalancer>| one.is_some_and(|one| matches!(one.choice, Balance::Hash { .. }));
    let mut policies = std::iter::once(&rule.policy).chain(subsets);
    policies.any(|policy| {
        by_hash(policy.load_balancer.as_ref()) || policy.ports.values().any(|port| by_hash(port.load_balancer.as_ref()))
    })
}

fn balancer(policy: &TrafficPolicy, port: u16) -> Option<&LoadBalancer> {
    match policy.ports.get(&port) {
        Some(port) => port.load_balancer.as_ref(),
        None => policy.load_balancer.as_ref(),
    }
}

fn specifier(key: &HashKey) -> PolicySpecifier {
    match key {
        HashKey::Header(name) => PolicySpecifier::Header(Header { header_name: name.to_string(), ..Header::default() }),
        HashKey::Cookie { name, path, ttl, attributes } => PolicySpecifier::Cookie(Cookie {
            name: name.to_string(),
            path: path.to_string(),
            ttl: ttl.map(duration),
            attributes: attributes
                .iter()
                .map(|(name, value)| CookieAttribute { name: name.to_string(), value: value.to_string() })
                .collect(),
        }),
        HashKey::SourceIp => PolicySpecifier::ConnectionProperties(ConnectionProperties { source_ip: true }),
        HashKey::Query(name) => PolicySpecifier::QueryParameter(QueryParameter { name: name.to_string() }),
    }
}
