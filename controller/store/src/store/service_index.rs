//! Services, what stands behind them, and the workloads.
//!
//! It keeps what each object was made into, and indexes that tell which services an object concerns: a commit computes
//! those again and no other.

mod build;
mod mark;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use heddle_model::{
    Text,
    host::Host,
    locality::Locality,
    service::{Service, ServiceKey},
    workload::Workload,
};

use super::{Name, part::Issues};
use crate::{
    ingest::{service::KubeService, service_entry::Entry, workload::External},
    kube::EndpointSlice,
};

/// All services and workloads.
#[derive(Debug, Default)]
pub(super) struct ServiceIndex {
    services: BTreeMap<Name, Arc<KubeService>>,
    entries: BTreeMap<Name, Arc<Entry>>,
    /// By the service's name, then the slice's.
    slices: BTreeMap<Name, BTreeMap<Text, Arc<EndpointSlice>>>,
    /// The service of each slice.
    service_of_slice: BTreeMap<Name, Text>,
    pods: BTreeMap<Name, Arc<Workload>>,
    externals: BTreeMap<Name, Arc<External>>,
    places: BTreeMap<Text, Locality>,
    /// Kubernetes services whose slices hold an address.
    services_at: BTreeMap<IpAddr, BTreeSet<Name>>,
    pods_at: BTreeMap<IpAddr, BTreeSet<Name>>,
    externals_at: BTreeMap<IpAddr, BTreeSet<Name>>,
    /// Who declares a service.
    declared: BTreeMap<ServiceKey, BTreeSet<Declarer>>,
    /// Services that stand for another.
    standing_for: BTreeMap<ServiceKey, Host>,
    aliases: BTreeMap<Host, Vec<Host>>,
    allocated: BTreeMap<ServiceKey, Vec<IpAddr>>,
    /// Which declarations count where a service has several.
    taken: BTreeMap<ServiceKey, Vec<Declarer>>,
    stale: Stale,
    /// What joining declarations found.
    pub(super) issues: Issues<ServiceKey>,
}

/// What changed since the last build.
#[derive(Debug, Default)]
struct Stale {
    services: BTreeSet<ServiceKey>,
    endpoints: BTreeSet<ServiceKey>,
    workloads: BTreeSet<Name>,
    addresses: BTreeSet<IpAddr>,
    entries: bool,
    aliases: bool,
}

/// An object that declares services. Kubernetes' own come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Declarer {
    Service(Name),
    Entry(Name),
}

impl ServiceIndex {
    /// Where a node is.
    pub(super) fn place(&self, node: &str) -> Option<&Locality> {
        self.places.get(node)
    }

    /// Sets where a node is.
    pub(super) fn set_place(&mut self, node: Text, place: Option<Locality>) {
        if self.places.get(&node) == place.as_ref() {
            return;
        }
        match place {
            Some(place) => _ = self.places.insert(node, place),
            None => _ = self.places.remove(&node),
        }
        // Nodes seldom move, and slices may name one that has no pods.
        let keys: Vec<_> = self.services.values().map(|s| s.service.key()).collect();
        self.stale.endpoints.extend(keys);
    }

    /// Sets a pod, or takes it away.
    pub(super) fn set_pod(&mut self, name: Name, pod: Option<Workload>) {
        let old = self.pods.get(&name).cloned();
        if old.as_deref() == pod.as_ref() {
            return;
        }
        self.stale.workloads.insert(name.clone());
        if let Some(old) = &old {
            self.mark_pod(old);
            for address in &old.addresses {
                take(&mut self.pods_at, address, &name);
            }
            self.stale.addresses.extend(&old.addresses);
        }
        self.pods.remove(&name);
        if let Some(pod) = pod.map(Arc::new) {
            self.mark_pod(&pod);
            for address in &pod.addresses {
                self.pods_at.entry(*address).or_default().insert(name.clone());
            }
            self.stale.addresses.extend(&pod.addresses);
            self.pods.insert(name, pod);
        }
    }

    /// Sets a WorkloadEntry, or takes it away.
    pub(super) fn set_external(&mut self, name: Name, external: Option<External>) {
        let old = self.externals.get(&name).cloned();
        if old.as_deref() == external.as_ref() {
            return;
        }
        self.stale.workloads.insert(name.clone());
        if let Some(old) = &old {
            self.mark_selecting(&old.workload, true);
            for address in &old.workload.addresses {
                take(&mut self.externals_at, address, &name);
            }
            self.stale.addresses.extend(&old.workload.addresses);
        }
        self.externals.remove(&name);
        if let Some(external) = external.map(Arc::new) {
            self.mark_selecting(&external.workload, true);
            for address in &external.workload.addresses {
                self.externals_at.entry(*address).or_default().insert(name.clone());
            }
            self.stale.addresses.extend(&external.workload.addresses);
            self.externals.insert(name, external);
        }
    }

    /// Sets a Kubernetes service, or takes it away.
    pub(super) fn set_service(&mut self, name: Name, service: Option<KubeService>) {
        let old = self.services.get(&name).cloned();
        if old.as_deref() == service.as_ref() {
            return;
        }
        let declarer = Declarer::Service(name.clone());
        if let Some(old) = &old {
            self.undeclare(&old.service, &declarer);
        }
        self.services.remove(&name);
        if let Some(service) = service.map(Arc::new) {
            self.declare(&service.service, declarer);
            self.services.insert(name, service);
        }
    }

    /// Sets a ServiceEntry, or takes it away.
    pub(super) fn set_entry(&mut self, name: Name, entry: Option<Entry>) {
        let old = self.entries.get(&name).cloned();
        if old.as_deref() == entry.as_ref() {
            return;
        }
        self.stale.entries = true;
        let declarer = Declarer::Entry(name.clone());
        for service in old.iter().flat_map(|e| &e.services) {
            self.undeclare(service, &declarer);
        }
        self.entries.remove(&name);
        if let Some(entry) = entry.map(Arc::new) {
            for service in &entry.services {
                self.declare(service, declarer.clone());
            }
            self.entries.insert(name, entry);
        }
    }

    /// Sets a slice with the name of its service, or takes it away.
    pub(super) fn set_slice(&mut self, name: Name, slice: Option<(Text, EndpointSlice)>) {
        if let Some(service) = self.service_of_slice.remove(&name) {
            let of = (name.0.clone(), service);
            if slice.as_ref().is_some_and(|(s, new)| *s == of.1 && self.holds(&of, &name.1, new)) {
                self.service_of_slice.insert(name, of.1);
                return;
            }
            self.change_slices(&of, |slices| _ = slices.remove(&name.1));
        }
        if let Some((service, slice)) = slice {
            let of = (name.0.clone(), service.clone());
            self.change_slices(&of, |slices| _ = slices.insert(name.1.clone(), Arc::new(slice)));
            self.service_of_slice.insert(name, service);
        }
    }

    fn holds(&self, service: &Name, slice: &Text, value: &EndpointSlice) -> bool {
        self.slices.get(service).and_then(|slices| slices.get(slice)).is_some_and(|known| **known == *value)
    }

    fn declare(&mut self, service: &Arc<Service>, declarer: Declarer) {
        let key = service.key();
        if let heddle_model::service::Resolution::Alias(host) = &service.resolution {
            self.standing_for.insert(key.clone(), host.clone());
            self.stale.aliases = true;
        }
        self.declared.entry(key.clone()).or_default().insert(declarer);
        self.mark_service(key);
    }

    fn undeclare(&mut self, service: &Arc<Service>, declarer: &Declarer) {
        let key = service.key();
        if self.standing_for.remove(&key).is_some() {
            self.stale.aliases = true;
        }
        if let Some(declarers) = self.declared.get_mut(&key) {
            declarers.remove(declarer);
            if declarers.is_empty() {
                self.declared.remove(&key);
            }
        }
        self.mark_service(key);
    }
}

/// Takes a name out of an index.
fn take(index: &mut BTreeMap<IpAddr, BTreeSet<Name>>, address: &IpAddr, name: &Name) {
    if let Some(names) = index.get_mut(address) {
        names.remove(name);
        if names.is_empty() {
            index.remove(address);
        }
    }
}
