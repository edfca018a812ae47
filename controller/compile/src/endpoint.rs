//! Endpoints of a cluster: which of them a client is sent, in what order of places, and with what each says of itself.

mod key;
mod locality;
mod telemetry;

pub(crate) use key::keys;
pub(crate) use key::{ClientLocality, EndpointKey};

use std::collections::{BTreeMap, BTreeSet};

use heddle_model::{
    endpoint::{Address, Endpoint, Health},
    issue::Issue,
    labels::Labels,
    locality::Locality,
    object::Kind,
    service::{Resolution, ServiceRegistry},
    tls::ClientTlsMode,
};
use heddle_xds_api::envoy::config::{
    core::v3::HealthStatus,
    endpoint::v3::{ClusterLoadAssignment, LbEndpoint},
};

use crate::{
    cluster::{Destination, Policy, Purpose},
    compiled::Compiled,
    envoy::endpoint as envoy,
};

/// One endpoint with what Envoy is told of it.
pub(crate) struct Sent<'a> {
    endpoint: &'a Endpoint,
    message: LbEndpoint,
}

/// Compiles the endpoints of one cluster. Without endpoints there is an assignment all the same: Envoy waits for one.
pub(crate) fn load_assignment(key: &EndpointKey) -> Compiled<ClusterLoadAssignment> {
    let mut by_place: BTreeMap<&Locality, Vec<Sent<'_>>> = BTreeMap::new();
    for (at, endpoint) in chosen(key) {
        let sent = Sent { endpoint, message: message(key, at, endpoint) };
        by_place.entry(&endpoint.locality).or_default().push(sent);
    }
    let issues = share_out(&mut by_place, &key.destination).into_iter().collect();
    let value = envoy::assignment(&key.destination.name(), locality::ordered(key, by_place));
    Compiled { value, issues, sources: key.destination.sources() }
}

/// Whether clients are told of endpoints that are not ready.
///
/// "Unhealthy endpoints are sent unless minHealthPercent is set": they let a client see how much of a place is left.
pub(crate) fn sends_unready(destination: &Destination) -> bool {
    let least_healthy = destination.policy().outlier.map_or(0, |outlier| outlier.min_health_percent);
    least_healthy == 0 || destination.service.prefer.is_some()
}

/// Whether the weights of places count in a cluster, and not only those of endpoints.
pub(crate) fn weighs_localities(destination: &Destination) -> bool {
    let policy = destination.policy();
    if let Some(own) = locality::preference(destination, &policy) {
        return !own.is_empty();
    }
    let Some(locality) = policy.locality(&destination.mesh) else { return false };
    let fails_over = policy.outlier.is_some();
    !locality.distribute.is_empty()
        || fails_over && !(locality.failover.is_empty() && locality.failover_priority.is_empty())
}

/// The endpoints that a client may be sent, in order, each address once.
fn chosen(key: &EndpointKey) -> Vec<(usize, &Endpoint)> {
    let destination = &key.destination;
    let everything = Labels::default();
    let subset = destination.subset_of_rule().map_or(&everything, |subset| &subset.labels);
    // A subset that the rule does not have has no endpoints; it is not all of them.
    let known = destination.subset.is_none() || destination.subset_of_rule().is_some();
    let unready = sends_unready(destination);
    let fits = |(at, endpoint): &(usize, &Endpoint)| {
        known
            && endpoint.service_port == destination.port.name
            && subset.select(&endpoint.labels)
            && is_resolvable(destination, &endpoint.address)
            && (!destination.service.node_local || endpoint.node == key.client.node)
            && match health(destination, endpoint) {
                Health::Healthy => true,
                Health::Unhealthy => unready,
                Health::Draining => false,
            }
            && (destination.purpose == Purpose::Outbound || takes_mtls(key, *at, endpoint))
    };
    let mut chosen: Vec<(usize, &Endpoint)> = key.endpoints.iter().enumerate().filter(fits).collect();
    chosen.sort_by(|(_, a), (_, b)| (&a.address, a.port, a).cmp(&(&b.address, b.port, b)));
    let mut seen = BTreeSet::new();
    chosen.retain(|(_, endpoint)| seen.insert((&endpoint.address, endpoint.port)));
    chosen
}

/// Names only go where names are resolved, and sockets of files only where they are not.
fn is_resolvable(destination: &Destination, address: &Address) -> bool {
    let by_name = matches!(destination.service.resolution, Resolution::Dns | Resolution::DnsRoundRobin);
    match address {
        Address::Ip(_) => true,
        Address::Name(_) => by_name,
        Address::Uds(_) => !by_name,
    }
}

fn health(destination: &Destination, endpoint: &Endpoint) -> Health {
    match endpoint.health {
        Health::Unhealthy if destination.service.publish_not_ready => Health::Healthy,
        health => health,
    }
}

fn message(key: &EndpointKey, at: usize, endpoint: &Endpoint) -> LbEndpoint {
    let health = match health(&key.destination, endpoint) {
        // Nobody probes the endpoints of a ServiceEntry; Envoy treats both alike.
        Health::Healthy if key.destination.service.registry == ServiceRegistry::External => HealthStatus::Unknown,
        Health::Healthy => HealthStatus::Healthy,
        Health::Draining => HealthStatus::Draining,
        Health::Unhealthy => HealthStatus::Unhealthy,
    };
    let metadata = telemetry::metadata(key, endpoint, takes_mtls(key, at, endpoint));
    let address = envoy::address(&endpoint.address, endpoint.port);
    envoy::lb_endpoint(address, health, endpoint.weight, Some(metadata))
}

/// Whether the client speaks mutual TLS to an endpoint, when the cluster lets each say for itself.
fn takes_mtls(key: &EndpointKey, at: usize, endpoint: &Endpoint) -> bool {
    let Policy { tls, .. } = key.destination.policy();
    if let Some(tls) = tls {
        return tls.mode == ClientTlsMode::IstioMutual;
    }
    endpoint.mtls && !key.plaintext.contains(&at)
}

/// Weights as they are, unless their sum is more than Envoy takes; then all in proportion, which is an issue.
fn share_out(by_place: &mut BTreeMap<&Locality, Vec<Sent<'_>>>, destination: &Destination) -> Option<Issue> {
    let weight = |sent: &Sent<'_>| u64::from(sent.message.load_balancing_weight.unwrap_or(1));
    let total: u64 = by_place.values().flatten().map(weight).sum();
    if u32::try_from(total).is_ok() {
        return None;
    }
    // Rounding up may add one each: leave room by halving once more.
    let divisor = (total / u64::from(u32::MAX) + 1) * 2;
    for sent in by_place.values_mut().flatten() {
        let less = (weight(sent) / divisor).max(1);
        sent.message.load_balancing_weight = u32::try_from(less).ok();
    }
    let service = &destination.service;
    let message = format!(
        "the weights of the endpoints of port {} of {} add up to {total}, which is more than Envoy's limit of {}; \
         all of them are divided by {divisor}",
        destination.port.number,
        service.host,
        u32::MAX
    );
    let object = &service.origin.object;
    let field = if object.kind == Kind::ServiceEntry { "spec.endpoints" } else { "" };
    Some(Issue::warning(object, field, "WeightsTooLarge", message))
}

#[cfg(test)]
mod tests;
