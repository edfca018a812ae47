//! What of a proxy the objects of a mesh read: proxies that differ in nothing of that see the same.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    Text,
    authz::AuthorizationPolicy,
    destination_rule::{DestinationRule, missing},
    labels::Labels,
    route::{HttpMatch, L4Match, VirtualService},
    service::Service,
    snapshot::Snapshot,
    traffic::TrafficPolicy,
};

/// The label of the node that a proxy runs on, as failover priorities name it.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// What some object reads of proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyFacets {
    /// Labels that selectors name. A proxy without any of them differs in nothing from others without them, so a
    /// selector that selects no proxy changes nothing.
    labels: BTreeSet<(Text, Text)>,
    /// Labels that selectors of AuthorizationPolicies name. Only gateways differ by them: the policies of a sidecar are
    /// those of its inbound side, which is no part of a view.
    policy_labels: BTreeSet<(Text, Text)>,
    /// Keys of labels of which the value is read, whatever it is.
    keys: BTreeSet<Text>,
    /// The node that a proxy runs on.
    pub node: bool,
}

impl ProxyFacets {
    /// Of all objects of a snapshot: it walks through every route and rule.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut all = Self::default();
        snapshot.gateways.iter().for_each(|gateway| all.labels_of(&gateway.selector));
        snapshot.sidecars.iter().filter_map(|s| s.selector.as_ref()).for_each(|labels| all.labels_of(labels));
        all.priorities(&snapshot.mesh.locality.failover_priority);
        snapshot.services.iter().for_each(|service| all.service(service));
        snapshot.virtual_services.values().for_each(|virtual_service| all.virtual_service(virtual_service));
        snapshot.destination_rules.values().flat_map(|rules| rules.iter()).for_each(|rule| all.rule(rule));
        snapshot.authorization_policies.values().for_each(|policies| all.policies(policies));
        all
    }

    /// Those of a proxy's labels that some object reads.
    #[must_use]
    pub fn labels_read(&self, labels: &Labels, is_gateway: bool) -> Labels {
        let is_read = |(key, value): &(&Text, &Text)| {
            let label = ((*key).clone(), (*value).clone());
            let of_policy = is_gateway && self.policy_labels.contains(&label);
            self.keys.contains(*key) || self.labels.contains(&label) || of_policy
        };
        labels.iter().filter(is_read).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Whether one revision may read other things than another: it looks at the services, routes and rules that differ.
    #[must_use]
    pub fn may_differ(old: &Snapshot, new: &Snapshot) -> bool {
        let same = Arc::ptr_eq(&old.mesh, &new.mesh)
            && Arc::ptr_eq(&old.gateways, &new.gateways)
            && Arc::ptr_eq(&old.sidecars, &new.sidecars);
        !same || Self::of_changed(old, new) != Self::of_changed(new, old)
    }

    /// Of the services, routes and rules that `other` has not, or has in another version.
    fn of_changed(of: &Snapshot, other: &Snapshot) -> Self {
        let mut all = Self::default();
        if !Arc::ptr_eq(&of.services, &other.services) {
            let changed = of.services.differing(&other.services);
            changed.into_iter().filter_map(|key| of.services.get(key)).for_each(|service| all.service(service));
        }
        if !Arc::ptr_eq(&of.virtual_services, &other.virtual_services) {
            let changed = of.virtual_services.differing(&other.virtual_services, Arc::ptr_eq);
            changed
                .into_iter()
                .filter_map(|origin| of.virtual_services.get(origin))
                .for_each(|virtual_service| all.virtual_service(virtual_service));
        }
        if !Arc::ptr_eq(&of.destination_rules, &other.destination_rules) {
            missing(&of.destination_rules, &other.destination_rules).for_each(|rule| all.rule(rule));
        }
        if !Arc::ptr_eq(&of.authorization_policies, &other.authorization_policies) {
            let known =
                |namespace, list| other.authorization_policies.get(namespace).is_some_and(|of| Arc::ptr_eq(of, list));
            let changed = of.authorization_policies.iter().filter(|(namespace, list)| !known(*namespace, *list));
            changed.for_each(|(_, policies)| all.policies(policies));
        }
        all
    }

    fn service(&mut self, service: &Service) {
        self.node |= service.node_local || service.prefer.is_some();
    }

    fn virtual_service(&mut self, virtual_service: &VirtualService) {
        source_labels(virtual_service, &mut |labels| self.labels_of(labels));
    }

    fn rule(&mut self, rule: &DestinationRule) {
        rule.selector.iter().for_each(|labels| self.labels_of(labels));
        let policies = rule.subsets.iter().filter_map(|subset| subset.policy.as_ref());
        for policy in std::iter::once(&rule.policy).chain(policies) {
            self.priorities(failover_priority(policy));
        }
    }

    fn policies(&mut self, policies: &[Arc<AuthorizationPolicy>]) {
        for labels in policies.iter().filter_map(|policy| policy.selector.as_ref()) {
            self.policy_labels.extend(labels.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
    }

    fn labels_of(&mut self, labels: &Labels) {
        self.labels.extend(labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    }

    fn priorities<'a>(&mut self, priorities: impl IntoIterator<Item = &'a Text>) {
        for priority in priorities {
            let key = priority.split('=').next().unwrap_or_default();
            self.node |= key == HOSTNAME;
            self.keys.insert(key.into());
        }
    }
}

fn source_labels(virtual_service: &VirtualService, read: &mut impl FnMut(&Labels)) {
    let http = virtual_service.http.iter().flat_map(|r| &r.matches).map(|m: &HttpMatch| &m.source_labels);
    let tls = virtual_service.reach.tls.iter().flat_map(|r| &r.matches).map(|m| &m.l4.source_labels);
    let tcp = virtual_service.reach.tcp.iter().flat_map(|r| &r.matches).map(|m: &L4Match| &m.source_labels);
    http.chain(tls).chain(tcp).for_each(read);
}

fn failover_priority(policy: &TrafficPolicy) -> impl Iterator<Item = &Text> {
    let ports = policy.ports.values().filter_map(|p| p.load_balancer.as_ref());
    let all = policy.load_balancer.iter().chain(ports);
    all.filter_map(|lb| lb.locality.as_ref()).flat_map(|l| &l.failover_priority)
}
