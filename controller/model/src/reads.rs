//! What of a proxy the objects of a mesh read: proxies that differ in nothing of that see the same.

use std::collections::BTreeSet;

use crate::{
    Text,
    labels::Labels,
    route::{HttpMatch, L4Match, RouteTable},
    snapshot::Snapshot,
    traffic::TrafficPolicy,
};

/// What some object reads of proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Keys of labels.
    pub labels: BTreeSet<Text>,
    /// The node that a proxy runs on.
    pub node: bool,
}

impl Reads {
    /// Of all objects of a snapshot. Worked out once a commit: it walks through every route and rule.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let node = snapshot.services.iter().any(|s| s.node_local || s.prefer.is_some());
        Self { labels: labels_read(snapshot), node }
    }
}

/// Keys of the labels of proxies that some object reads.
fn labels_read(snapshot: &Snapshot) -> BTreeSet<Text> {
    let mut keys = BTreeSet::new();
    let mut read = |labels: &Labels| keys.extend(labels.iter().map(|(key, _)| key.clone()));
    snapshot.gateways.iter().for_each(|g| read(&g.selector));
    snapshot.sidecars.iter().filter_map(|s| s.selector.as_ref()).for_each(&mut read);
    snapshot.routes.iter().for_each(|table| source_labels(table, &mut read));
    let rules = || snapshot.destinations.values().flatten();
    rules().filter_map(|rule| rule.selector.as_ref()).for_each(&mut read);
    let policies = rules().flat_map(|rule| {
        std::iter::once(&rule.policy).chain(rule.subsets.iter().filter_map(|subset| subset.policy.as_ref()))
    });
    let mut priorities: Vec<&Text> = snapshot.mesh.locality.failover_priority.iter().collect();
    priorities.extend(policies.flat_map(failover_priority));
    keys.extend(priorities.into_iter().map(|p| p.split('=').next().unwrap_or_default().into()));
    keys
}

fn source_labels(table: &RouteTable, read: &mut impl FnMut(&Labels)) {
    let http = table.http.iter().flat_map(|r| &r.matches).map(|m: &HttpMatch| &m.source_labels);
    let tls = table.tls.iter().flat_map(|r| &r.matches).map(|m| &m.l4.source_labels);
    let tcp = table.tcp.iter().flat_map(|r| &r.matches).map(|m: &L4Match| &m.source_labels);
    http.chain(tls).chain(tcp).for_each(read);
}

fn failover_priority(policy: &TrafficPolicy) -> impl Iterator<Item = &Text> {
    let ports = policy.ports.values().filter_map(|p| p.load_balancer.as_ref());
    let all = policy.load_balancer.iter().chain(ports);
    all.filter_map(|lb| lb.locality.as_ref()).flat_map(|l| &l.failover_priority)
}
