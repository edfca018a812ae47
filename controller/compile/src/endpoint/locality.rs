//! The order of places: shares that a policy fixes, else the near before the far.

use std::{borrow::Cow, collections::BTreeMap};

use heddle_model::{
    Text,
    endpoint::Endpoint,
    locality::Locality,
    service::Preference,
    traffic::{Distribute, LocalityLb},
};
use heddle_xds_api::envoy::config::endpoint::v3::LocalityLbEndpoints;

use super::{ClientLocality, EndpointKey, Sent};
use crate::{
    cluster::{Destination, Policy},
    envoy::endpoint as envoy,
};

/// Label of a workload's network.
pub(super) const NETWORK: &str = "topology.istio.io/network";
/// Label of a workload's node.
pub(super) const NODE: &str = "kubernetes.io/hostname";
const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";
const SUBZONE: &str = "topology.istio.io/subzone";
/// Ranks that the comparison of localities tells apart.
const RANKS: u32 = 5;

/// Endpoints of one place and rank.
struct Group<'a> {
    locality: &'a Locality,
    rank: u32,
    sent: Vec<Sent<'a>>,
    /// Share that a policy fixes; none: the sum of the endpoints' weights.
    share: Option<u32>,
}

/// Groups endpoints by place, with shares or priorities.
pub(super) fn ordered(key: &EndpointKey, by_place: BTreeMap<&Locality, Vec<Sent<'_>>>) -> Vec<LocalityLbEndpoints> {
    let groups = by_place.into_iter().map(|(locality, sent)| Group { locality, rank: 0, sent, share: None });
    let mut groups: Vec<Group<'_>> = groups.collect();
    let destination = &key.destination;
    let policy = destination.policy();
    let locality = policy.locality(&destination.mesh);
    let priorities = priorities(destination, &policy);
    let preferred = preference(destination, &policy).is_some();
    match locality {
        Some(locality) if !preferred && !locality.distribute.is_empty() => {
            distribute(&mut groups, &key.client.locality, &locality.distribute);
        }
        _ if !preferred && (policy.outlier.is_none() || locality.is_none()) => {}
        _ if !priorities.is_empty() => {
            groups = by_labels(groups, &key.client, &priorities);
            let failover = locality.filter(|_| !preferred).map(|l| l.failover.as_slice()).unwrap_or_default();
            if !failover.is_empty() {
                by_distance(&mut groups, &key.client.locality, failover);
            }
        }
        locality => by_distance(&mut groups, &key.client.locality, locality.map_or(&[], |l| &l.failover)),
    }
    close_ranks(&mut groups);
    groups.into_iter().map(Group::message).collect()
}

/// Labels that a service prefers by itself (`trafficDistribution`), where no rule says otherwise.
pub(super) fn preference(destination: &Destination, policy: &Policy<'_>) -> Option<&'static [&'static str]> {
    let own = policy.balancer.and_then(|balancer| balancer.locality.as_ref());
    match destination.service.prefer {
        Some(Preference::SameZone) if own.is_none() => Some(&[NETWORK, REGION, ZONE]),
        Some(Preference::SameNode) if own.is_none() => Some(&[NETWORK, REGION, ZONE, SUBZONE, NODE]),
        _ => None,
    }
}

/// Labels (`key` or `key=value`) by whose agreement endpoints are ranked, the most important first.
pub(super) fn priorities<'a>(destination: &Destination, policy: &Policy<'a>) -> Vec<Cow<'a, str>>
where
    Destination: 'a,
{
    if let Some(preferred) = preference(destination, policy) {
        return preferred.iter().map(|label| Cow::Borrowed(*label)).collect();
    }
    let own = policy.balancer.and_then(|balancer| balancer.locality.as_ref());
    let chosen: Vec<Cow<'a, str>> = match own {
        Some(own) => labels_of(own).map(|label| Cow::Borrowed(&**label)).collect(),
        None => labels_of(&destination.mesh.locality).map(|label| Cow::Owned(label.to_string())).collect(),
    };
    if policy.outlier.is_some() { chosen } else { Vec::new() }
}

/// Whether the order of a destination's endpoints depends on the client's place.
pub(super) fn is_ordered(destination: &Destination, policy: &Policy<'_>) -> bool {
    let distributes = |locality: &LocalityLb| !locality.distribute.is_empty();
    let own = policy.balancer.and_then(|balancer| balancer.locality.as_ref());
    let locality = own.unwrap_or(&destination.mesh.locality);
    let on = locality.enabled != Some(false);
    preference(destination, policy).is_some() || on && (policy.outlier.is_some() || distributes(locality))
}

impl Group<'_> {
    fn message(self) -> LocalityLbEndpoints {
        let mut message = envoy::locality(self.locality, self.sent.into_iter().map(|sent| sent.message).collect());
        message.priority = self.rank;
        if let Some(share) = self.share {
            message.load_balancing_weight = Some(share);
        }
        message
    }

    fn weight(&self) -> u64 {
        self.sent.iter().map(|sent| u64::from(sent.message.load_balancing_weight.unwrap_or(1))).sum()
    }
}

fn labels_of(locality: &LocalityLb) -> impl Iterator<Item = &Text> {
    let used = locality.enabled != Some(false) && locality.distribute.is_empty();
    locality.failover_priority.iter().filter(move |_| used)
}

/// Fixed shares by place; places that get none are left out. The first rule for the client's place counts.
fn distribute(groups: &mut Vec<Group<'_>>, client: &Locality, rules: &[Distribute]) {
    let Some(rule) = rules.iter().find(|rule| Locality::parse(&rule.from).covers(client)) else { return };
    for (to, percent) in &rule.to {
        let to = Locality::parse(to);
        let covered = |group: &&mut Group<'_>| group.share.is_none() && to.covers(group.locality);
        let mut covered: Vec<&mut Group<'_>> = groups.iter_mut().filter(covered).collect();
        let total: u64 = covered.iter().map(|group| group.weight()).sum();
        for group in &mut covered {
            // Several places under one pattern divide its share by their weights; none of them goes empty.
            let share = (group.weight() * u64::from(*percent)).div_ceil(total.max(1));
            group.share = u32::try_from(share).ok();
        }
    }
    groups.retain(|group| group.share.is_some_and(|share| share > 0));
}

/// Splits places by how many of the labels, from the first on, agree with the client's.
fn by_labels<'a>(groups: Vec<Group<'a>>, client: &ClientLocality, priorities: &[Cow<'_, str>]) -> Vec<Group<'a>> {
    if *client == ClientLocality::default() {
        return groups;
    }
    let mut split: Vec<Group<'a>> = Vec::new();
    for group in groups {
        let mut ranks: BTreeMap<u32, Vec<Sent<'a>>> = BTreeMap::new();
        for sent in group.sent {
            ranks.entry(disagreement(sent.endpoint, client, priorities)).or_default().push(sent);
        }
        let locality = group.locality;
        split.extend(ranks.into_iter().map(|(rank, sent)| Group { locality, rank, sent, share: None }));
    }
    split
}

/// 0 where all labels agree; else the more, the earlier the first that does not.
fn disagreement(endpoint: &Endpoint, client: &ClientLocality, priorities: &[Cow<'_, str>]) -> u32 {
    let disagrees = |priority: &Cow<'_, str>| {
        let (key, wanted) = priority.split_once('=').map_or((&**priority, None), |(key, value)| (key, Some(value)));
        let wanted = wanted.unwrap_or_else(|| of_client(client, key));
        wanted != of_endpoint(endpoint, key)
    };
    let first = priorities.iter().position(disagrees).map_or(0, |index| priorities.len() - index);
    u32::try_from(first).unwrap_or(u32::MAX)
}

/// A label of the client. What its place tells is not asked of its labels.
fn of_client<'a>(client: &'a ClientLocality, key: &str) -> &'a str {
    let label = client.labels.get(key).map(|value| &**value);
    label.unwrap_or_else(|| of_place(&client.locality, &client.network, &client.node, key))
}

fn of_endpoint<'a>(endpoint: &'a Endpoint, key: &str) -> &'a str {
    let label = endpoint.labels.get(key).map(|value| &**value);
    label.unwrap_or_else(|| of_place(&endpoint.locality, &endpoint.network, &endpoint.node, key))
}

fn of_place<'a>(locality: &'a Locality, network: &'a str, node: &'a str, key: &str) -> &'a str {
    match key {
        REGION => &locality.region,
        ZONE => &locality.zone,
        SUBZONE => &locality.subzone,
        NETWORK => network,
        NODE => node,
        _ => "",
    }
}

/// Ranks places by distance: same sub-zone, zone, region, elsewhere; of "elsewhere" the region to fail over to first.
/// Ranks that labels gave stay above.
fn by_distance(groups: &mut [Group<'_>], client: &Locality, failover: &[(Text, Text)]) {
    let fails_to = failover.iter().find(|(from, _)| *from == client.region).map(|(_, to)| to);
    for group in groups {
        let place = group.locality;
        let distance = if place.region != client.region {
            if fails_to.is_some_and(|to| *to != place.region) { 4 } else { 3 }
        } else if place.zone != client.zone {
            2
        } else {
            u32::from(place.subzone != client.subzone)
        };
        group.rank = group.rank.saturating_mul(RANKS).saturating_add(distance);
    }
}

/// Priorities count from 0 without gaps, else Envoy refuses them.
fn close_ranks(groups: &mut [Group<'_>]) {
    let ranks: std::collections::BTreeSet<u32> = groups.iter().map(|group| group.rank).collect();
    for group in groups {
        group.rank = u32::try_from(ranks.range(..group.rank).count()).unwrap_or(u32::MAX);
    }
}
