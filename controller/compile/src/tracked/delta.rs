//! In what two revisions differ, found by comparing pointers.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use super::question::{Question, QuestionKind, RuleUse};
use heddle_model::{
    Text, destination_rule, host::Host, object::Origin, service::ServiceKey, snapshot::Snapshot, workload::Workload,
};

/// What came, changed or went between two revisions, part by part.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    /// Mesh-wide settings.
    pub(super) mesh: bool,
    /// What of proxies the objects read.
    pub(super) facets: bool,
    /// Services.
    pub(super) services: BTreeSet<ServiceKey>,
    /// Services whose endpoints changed.
    pub(super) endpoints: BTreeSet<ServiceKey>,
    /// Addresses of all endpoints, before and after, of the services that changed or whose endpoints did.
    pub(super) backed: BTreeSet<IpAddr>,
    /// Workloads by namespace and name.
    pub(super) workloads: BTreeSet<(Text, Text)>,
    /// Their addresses, before and after.
    pub(super) workload_addresses: BTreeSet<IpAddr>,
    /// VirtualServices.
    pub(super) virtual_services: BTreeSet<Origin>,
    /// DestinationRules by namespace and host; the host may have a wildcard.
    pub(super) destination_rules: BTreeSet<(Text, Host)>,
    /// Gateways.
    pub(super) gateways: bool,
    /// Namespaces of Sidecars.
    pub(super) sidecars: BTreeSet<Text>,
    /// Namespaces of PeerAuthentications.
    pub(super) peer_authentications: BTreeSet<Text>,
    /// Namespaces of AuthorizationPolicies.
    pub(super) authorization_policies: BTreeSet<Text>,
    /// Secrets by namespace and name.
    pub(super) secrets: BTreeSet<(Text, Text)>,
}

impl Delta {
    /// Compares two revisions. The parts are named one by one, so that a new one cannot be left out.
    pub(crate) fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let Snapshot {
            mesh,
            services,
            endpoints,
            workloads,
            virtual_services,
            destination_rules,
            gateways,
            sidecars,
            peer_authentications,
            authorization_policies,
            secrets,
            facets,
            // These are no part of what proxies get.
            revision: _,
            synced: _,
            proxy_settings: _,
            assume_secrets: _,
            namespaces: _,
            issues: _,
        } = old;
        let mut delta = Self {
            mesh: !Arc::ptr_eq(mesh, &new.mesh),
            facets: !Arc::ptr_eq(facets, &new.facets),
            services: differing(services, &new.services, |a, b| a.differing(b).into_iter().cloned().collect()),
            endpoints: differing(endpoints, &new.endpoints, |a, b| a.differing(b).into_iter().cloned().collect()),
            virtual_services: differing(virtual_services, &new.virtual_services, |a, b| {
                a.differing(b, Arc::ptr_eq).into_iter().cloned().collect()
            }),
            destination_rules: differing(destination_rules, &new.destination_rules, |a, b| {
                let rules = destination_rule::differing(a, b);
                rules.map(|rule| (rule.origin.namespace().clone(), rule.host.clone())).collect()
            }),
            gateways: !Arc::ptr_eq(gateways, &new.gateways),
            sidecars: differing(sidecars, &new.sidecars, |a, b| {
                by_pointer(a, b).map(|sidecar| sidecar.origin.namespace().clone()).collect()
            }),
            peer_authentications: differing(peer_authentications, &new.peer_authentications, |a, b| {
                let namespaces = a.keys().chain(b.keys()).cloned();
                namespaces.filter(|one| !same(a.get(one), b.get(one))).collect()
            }),
            authorization_policies: differing(authorization_policies, &new.authorization_policies, |a, b| {
                let namespaces = a.keys().chain(b.keys()).cloned();
                namespaces.filter(|one| !same(a.get(one), b.get(one))).collect()
            }),
            secrets: differing(secrets, &new.secrets, |a, b| {
                let names = a.keys().chain(b.keys()).cloned();
                names.filter(|name| !same(a.get(name), b.get(name))).collect()
            }),
            ..Self::default()
        };
        delta.backed = [old, new].into_iter().flat_map(|of| delta.backed_in(of).collect::<Vec<_>>()).collect();
        if !Arc::ptr_eq(workloads, &new.workloads) {
            delta.add_workloads(workloads.differing(&new.workloads));
        }
        delta
    }

    /// Whether the answers to some questions of a kind may have changed.
    pub(super) fn concerns(&self, kind: QuestionKind) -> bool {
        match kind {
            QuestionKind::Mesh => self.mesh,
            QuestionKind::Facets => self.facets,
            QuestionKind::Services => !self.services.is_empty(),
            QuestionKind::Endpoints => !self.endpoints.is_empty(),
            QuestionKind::ServicesAt => !self.backed.is_empty(),
            QuestionKind::Workload => !self.workloads.is_empty(),
            QuestionKind::VirtualServices | QuestionKind::VirtualService => !self.virtual_services.is_empty(),
            QuestionKind::DestinationRule => !self.destination_rules.is_empty(),
            QuestionKind::Sidecar => !self.sidecars.is_empty(),
            QuestionKind::Gateways => self.gateways,
            QuestionKind::PeerAuthentications => !self.peer_authentications.is_empty(),
            QuestionKind::AuthorizationPolicies => !self.authorization_policies.is_empty(),
            QuestionKind::Secret | QuestionKind::Secrets => !self.secrets.is_empty(),
        }
    }

    /// How many changes concern the questions of a kind that [`Self::exactly`] lists.
    pub(super) fn count(&self, kind: QuestionKind) -> usize {
        match kind {
            QuestionKind::Endpoints => self.endpoints.len(),
            QuestionKind::VirtualService => self.virtual_services.len(),
            QuestionKind::DestinationRule => self.destination_rules.len() * RuleUse::ALL.len(),
            QuestionKind::Secret => self.secrets.len(),
            _ => 0,
        }
    }

    /// All questions of a kind that are concerned, where they can be listed.
    pub(super) fn exactly(&self, kind: QuestionKind) -> Option<Vec<Question>> {
        match kind {
            QuestionKind::Endpoints => Some(self.endpoints.iter().cloned().map(Question::Endpoints).collect()),
            QuestionKind::VirtualService => {
                Some(self.virtual_services.iter().cloned().map(Question::VirtualService).collect())
            }
            QuestionKind::DestinationRule if !self.destination_rules.iter().any(|(_, host)| host.is_wildcard()) => {
                let questions = |(namespace, host): &(Text, Host)| {
                    RuleUse::ALL.map(|of_use| Question::DestinationRule(namespace.clone(), host.clone(), of_use))
                };
                Some(self.destination_rules.iter().flat_map(questions).collect())
            }
            QuestionKind::Secret => {
                Some(self.secrets.iter().cloned().map(|(of, name)| Question::Secret(of, name)).collect())
            }
            _ => None,
        }
    }

    /// Whether some DestinationRule of a namespace changed that covers a host.
    pub(super) fn has_rule_for(&self, namespace: &Text, host: &Host) -> bool {
        self.destination_rules.iter().any(|(of, rule)| of == namespace && rule.covers(host))
    }

    /// Addresses of the endpoints, in one revision, of what changed.
    fn backed_in<'a>(&'a self, snapshot: &'a Snapshot) -> impl Iterator<Item = IpAddr> + 'a {
        let keys = self.services.union(&self.endpoints);
        let endpoints = keys.filter_map(|key| snapshot.endpoints.get(key)).flat_map(|endpoints| endpoints.iter());
        endpoints.filter_map(|endpoint| endpoint.address.ip())
    }

    fn add_workloads<'a>(&mut self, workloads: impl Iterator<Item = &'a Arc<Workload>>) {
        for workload in workloads {
            self.workloads.insert((workload.origin.namespace().clone(), workload.origin.name().clone()));
            self.workload_addresses.extend(&workload.addresses);
        }
    }
}

/// What differs in a part; nothing where both revisions share it.
fn differing<T, D: Default>(old: &Arc<T>, new: &Arc<T>, find: impl FnOnce(&T, &T) -> D) -> D {
    if Arc::ptr_eq(old, new) { D::default() } else { find(old, new) }
}

/// The values of either list that the other has not.
fn by_pointer<'a, T>(old: &'a [Arc<T>], new: &'a [Arc<T>]) -> impl Iterator<Item = &'a Arc<T>> {
    let pointers = |of: &'a [Arc<T>]| of.iter().map(Arc::as_ptr).collect::<BTreeSet<_>>();
    let (known, fresh) = (pointers(old), pointers(new));
    let gone = old.iter().filter(move |one| !fresh.contains(&Arc::as_ptr(one)));
    gone.chain(new.iter().filter(move |one| !known.contains(&Arc::as_ptr(one))))
}

fn same<T>(old: Option<&Arc<T>>, new: Option<&Arc<T>>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => Arc::ptr_eq(old, new),
        (old, new) => old.is_none() && new.is_none(),
    }
}
