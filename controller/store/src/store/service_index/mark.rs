//! Which services a change concerns.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use heddle_model::{Text, service::ServiceKey, workload::Workload};

use super::{Name, ServiceIndex, take};
use crate::kube::EndpointSlice;

impl ServiceIndex {
    /// Everything is computed again: the mesh's settings changed.
    pub(in crate::store) fn mark_all(&mut self) {
        let keys: Vec<_> = self.declared.keys().cloned().collect();
        self.stale.services.extend(keys.iter().cloned());
        self.stale.endpoints.extend(keys);
        self.stale.entries = true;
        self.stale.aliases = true;
    }

    /// A service's declarations changed.
    pub(super) fn mark_service(&mut self, key: ServiceKey) {
        self.stale.endpoints.insert(key.clone());
        self.stale.services.insert(key);
    }

    /// A pod came, changed or went: the services whose slices hold its address, and those that select it.
    pub(super) fn mark_pod(&mut self, pod: &Workload) {
        let names: BTreeSet<Name> =
            pod.addresses.iter().filter_map(|a| self.services_at.get(a)).flatten().cloned().collect();
        for name in names {
            self.mark_kube(&name);
        }
        self.mark_selecting(pod, false);
    }

    /// Services of the workload's namespace that select it; of Kubernetes' own only for WorkloadEntries, because pods
    /// come to them by slices.
    pub(super) fn mark_selecting(&mut self, workload: &Workload, external: bool) {
        let namespace = workload.origin.namespace();
        let mut keys = Vec::new();
        for entry in of_namespace(&self.entries, namespace) {
            if entry.selector.as_ref().is_some_and(|s| s.select(&workload.labels)) {
                keys.extend(entry.services.iter().map(|s| s.key()));
            }
        }
        if external {
            for kube in of_namespace(&self.services, namespace) {
                if !kube.service.selector.is_empty() && kube.service.selector.select(&workload.labels) {
                    keys.push(kube.service.key());
                }
            }
        }
        self.stale.endpoints.extend(keys);
    }

    /// Changes the slices of a service, and the index of their addresses with them.
    pub(super) fn change_slices(
        &mut self,
        service: &Name,
        change: impl FnOnce(&mut BTreeMap<Text, Arc<EndpointSlice>>),
    ) {
        let slices = self.slices.entry(service.clone()).or_default();
        let before = addresses(slices);
        change(slices);
        let after = addresses(slices);
        if slices.is_empty() {
            self.slices.remove(service);
        }
        for address in before.difference(&after) {
            take(&mut self.services_at, address, service);
        }
        for address in after.difference(&before) {
            self.services_at.entry(*address).or_default().insert(service.clone());
        }
        self.mark_kube(service);
    }

    fn mark_kube(&mut self, name: &Name) {
        if let Some(kube) = self.services.get(name) {
            self.stale.endpoints.insert(kube.service.key());
        }
    }
}

/// The values of one namespace.
pub(super) fn of_namespace<'a, T>(
    all: &'a BTreeMap<Name, Arc<T>>,
    namespace: &'a Text,
) -> impl Iterator<Item = &'a Arc<T>> {
    all.range((namespace.clone(), Text::from(""))..).take_while(move |((n, _), _)| n == namespace).map(|(_, v)| v)
}

fn addresses(slices: &BTreeMap<Text, Arc<EndpointSlice>>) -> BTreeSet<IpAddr> {
    let endpoints = slices.values().flat_map(|slice| &slice.endpoints);
    endpoints.filter_map(|e| e.addresses.first()?.parse().ok()).collect()
}
