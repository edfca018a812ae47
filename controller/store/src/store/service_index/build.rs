//! Computes again what changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use heddle_model::{
    endpoint::Endpoint,
    host::Host,
    mesh::Mesh,
    service::{Endpoints, Service, ServiceKey, Services},
    workload::{Workload, Workloads},
};

use super::{Declarer, Name, ServiceIndex, mark::of_namespace};
use crate::{
    ingest::{service::KubeService, service_entry::Entry, slice},
    kube::SliceEndpoint,
    merge::{
        address::{self, Wanted},
        service,
    },
    select,
};

/// Aliases of aliases are followed so far.
const MAX_ALIASES: usize = 16;

impl ServiceIndex {
    /// The services; unchanged ones keep their pointers.
    pub(in crate::store) fn services(&mut self, old: &Arc<Services>) -> Arc<Services> {
        self.allocate();
        self.follow_aliases();
        let mut changes: Vec<(ServiceKey, Option<Arc<Service>>)> = Vec::new();
        for key in std::mem::take(&mut self.stale.services) {
            let new = self.resolve(&key);
            if new.as_deref() != old.get(&key).map(|s| &**s) {
                self.stale.endpoints.insert(key.clone());
                changes.push((key, new));
            }
        }
        if changes.is_empty() {
            return old.clone();
        }
        let mut next = (**old).clone();
        for (key, service) in changes {
            match service {
                Some(service) => next.insert(service),
                None => next.remove(&key),
            }
        }
        Arc::new(next)
    }

    /// The endpoints of all services; unchanged ones keep their pointers.
    pub(in crate::store) fn endpoints(
        &mut self,
        services: &Services,
        mesh: &Mesh,
        old: &Arc<Endpoints>,
    ) -> Arc<Endpoints> {
        let mut changes: Vec<(ServiceKey, Option<Vec<Endpoint>>)> = Vec::new();
        for key in std::mem::take(&mut self.stale.endpoints) {
            let new = services.get(&key).map(|service| self.endpoints_of(&key, service, mesh));
            if new.as_ref() != old.get(&key).map(|e| &**e) {
                changes.push((key, new));
            }
        }
        if changes.is_empty() {
            return old.clone();
        }
        let mut next = (**old).clone();
        for (key, endpoints) in changes {
            match endpoints {
                Some(endpoints) => next.insert(key, Arc::new(endpoints)),
                None => next.remove(&key),
            }
        }
        Arc::new(next)
    }

    /// The workloads. Where a WorkloadEntry has a pod's name, the name is the pod's; an address that several have is
    /// the oldest's.
    pub(in crate::store) fn workloads(&mut self, old: &Arc<Workloads>) -> Arc<Workloads> {
        let (stale, addresses) = (std::mem::take(&mut self.stale.workloads), std::mem::take(&mut self.stale.addresses));
        let named = |name: &Name| self.pods.get(name).or_else(|| self.externals.get(name).map(|e| &e.workload));
        let changed = stale.into_iter().map(|name| (named(&name), name));
        let changed: Vec<_> = changed.filter(|(new, name)| *new != old.named(&name.0, &name.1)).collect();
        let moved = addresses.into_iter().map(|address| (self.workload_at(address), address));
        let moved: Vec<_> = moved.filter(|(new, address)| *new != old.at(*address)).collect();
        if changed.is_empty() && moved.is_empty() {
            return old.clone();
        }
        let mut next = (**old).clone();
        for (workload, name) in changed {
            next.set(name.0, name.1, workload.cloned());
        }
        for (workload, address) in moved {
            next.set_at(address, workload.cloned());
        }
        Arc::new(next)
    }

    fn workload_at(&self, address: IpAddr) -> Option<&Arc<Workload>> {
        let pods = self.pods_at.get(&address).into_iter().flatten().filter_map(|n| self.pods.get(n));
        let externals = self.externals_at.get(&address).into_iter().flatten();
        let externals = externals.filter_map(|n| self.externals.get(n)).map(|e| &e.workload);
        pods.chain(externals).min_by(|a, b| a.origin.cmp(&b.origin))
    }

    /// One service of all that declare it.
    fn resolve(&mut self, key: &ServiceKey) -> Option<Arc<Service>> {
        let mut found: Vec<(&Declarer, &Arc<Service>)> =
            self.declared.get(key).into_iter().flatten().filter_map(|d| Some((d, self.declaration(d, key)?))).collect();
        found.sort_by(|(_, a), (_, b)| (a.registry, &a.origin).cmp(&(b.registry, &b.origin)));
        let joined = service::join(&found.iter().map(|(_, s)| &***s).collect::<Vec<_>>());
        let Some(joined) = joined else {
            self.taken.remove(key);
            self.issues.set(key.clone(), Vec::new());
            return None;
        };
        let taken = joined.taken.iter().filter_map(|i| found.get(*i)).map(|(d, _)| (*d).clone()).collect();
        let sole = (found.len() == 1).then(|| found[0].1.clone());
        let aliases = self.aliases.get(&key.host).cloned().unwrap_or_default();
        let allocated = self.allocated.get(key).filter(|_| joined.service.addresses.is_empty());
        let auto_addresses = allocated.cloned().unwrap_or_default();
        self.taken.insert(key.clone(), taken);
        self.issues.set(key.clone(), joined.issues);
        if let Some(sole) = sole.filter(|_| aliases.is_empty() && auto_addresses.is_empty()) {
            return Some(sole);
        }
        Some(Arc::new(Service { aliases, auto_addresses, ..joined.service }))
    }

    fn declaration(&self, declarer: &Declarer, key: &ServiceKey) -> Option<&Arc<Service>> {
        match declarer {
            Declarer::Service(name) => self.services.get(name).map(|k| &k.service),
            Declarer::Entry(name) => self.entries.get(name)?.services.iter().find(|s| s.host == key.host),
        }
    }

    /// Allocates addresses again when ServiceEntries changed.
    fn allocate(&mut self) {
        if !std::mem::take(&mut self.stale.entries) {
            return;
        }
        let mut wanted = Vec::new();
        for entry in self.entries.values() {
            for service in entry.services.iter().filter(|s| Entry::needs_address(s)) {
                let kept = entry.allocated.get(service.host.as_str()).cloned().unwrap_or_default();
                wanted.push(Wanted { origin: service.origin.clone(), key: service.key(), kept });
            }
        }
        let new = address::allocate(wanted);
        let moved = differing(&self.allocated, &new);
        self.stale.services.extend(moved);
        self.allocated = new;
    }

    /// Follows aliases again when they changed.
    fn follow_aliases(&mut self) {
        if !std::mem::take(&mut self.stale.aliases) {
            return;
        }
        let targets: BTreeMap<&Host, &Host> = self.standing_for.iter().map(|(key, host)| (&key.host, host)).collect();
        let mut new: BTreeMap<Host, Vec<Host>> = BTreeMap::new();
        for key in self.standing_for.keys() {
            let mut end = &key.host;
            for _ in 0..MAX_ALIASES {
                match targets.get(end) {
                    Some(next) => end = next,
                    None => break,
                }
            }
            if !targets.contains_key(end) {
                new.entry(end.clone()).or_default().push(key.host.clone());
            }
        }
        for hosts in new.values_mut() {
            hosts.sort();
            hosts.dedup();
        }
        let hosts: BTreeSet<Host> = differing(&self.aliases, &new).into_iter().collect();
        let concerned = self.declared.keys().filter(|key| hosts.contains(&key.host)).cloned();
        self.stale.services.extend(concerned);
        self.aliases = new;
    }

    fn endpoints_of(&self, key: &ServiceKey, service: &Service, mesh: &Mesh) -> Vec<Endpoint> {
        let mut out = Vec::new();
        for declarer in self.taken.get(key).into_iter().flatten() {
            match declarer {
                Declarer::Service(name) => self.endpoints_of_service(name, mesh, &mut out),
                Declarer::Entry(name) => self.endpoints_of_entry(name, service, key, mesh, &mut out),
            }
        }
        out.sort();
        out.dedup();
        out
    }

    fn endpoints_of_service(&self, name: &Name, mesh: &Mesh, out: &mut Vec<Endpoint>) {
        let Some(kube) = self.services.get(name) else { return };
        let find = |written: &SliceEndpoint| (self.pod_behind(written, &name.0), self.place(&written.node_name));
        for slice in self.slices.get(name).into_iter().flat_map(BTreeMap::values) {
            slice::endpoints(slice, &kube.service, mesh, &find, out);
        }
        self.external_endpoints(kube, &name.0, mesh, out);
    }

    fn external_endpoints(
        &self,
        kube: &KubeService,
        namespace: &heddle_model::Text,
        mesh: &Mesh,
        out: &mut Vec<Endpoint>,
    ) {
        let selector = &kube.service.selector;
        if selector.is_empty() {
            return;
        }
        for external in of_namespace(&self.externals, namespace) {
            if selector.select(&external.workload.labels) {
                select::selected_by_service(kube, external, mesh, out);
            }
        }
    }

    fn endpoints_of_entry(
        &self,
        name: &Name,
        service: &Service,
        key: &ServiceKey,
        mesh: &Mesh,
        out: &mut Vec<Endpoint>,
    ) {
        let Some(entry) = self.entries.get(name) else { return };
        // The entry's own ports, not those that others add to the service.
        let own = entry.services.iter().find(|s| s.host == key.host).map_or(service, |s| &**s);
        select::listed(entry, own, mesh, out);
        let Some(selector) = &entry.selector else { return };
        for external in of_namespace(&self.externals, &name.0) {
            if selector.select(&external.workload.labels) {
                select::selected_external(entry, own, external, mesh, out);
            }
        }
        for pod in of_namespace(&self.pods, &name.0) {
            if selector.select(&pod.labels) {
                select::selected_pod(entry, own, pod, mesh, out);
            }
        }
    }

    /// The pod that an endpoint names, or the oldest at its address.
    fn pod_behind(&self, written: &SliceEndpoint, namespace: &heddle_model::Text) -> Option<&Workload> {
        if let Some(target) = written.target_ref.as_ref().filter(|t| &*t.kind == "Pod") {
            let of = if target.namespace.is_empty() { namespace } else { &target.namespace };
            return self.pods.get(&(of.clone(), target.name.clone())).map(|p| &**p);
        }
        let address = written.addresses.first()?.parse().ok()?;
        let names = self.pods_at.get(&address)?;
        names.iter().filter_map(|name| self.pods.get(name)).min_by(|a, b| a.origin.cmp(&b.origin)).map(|p| &**p)
    }
}

/// The keys under which two maps differ.
fn differing<K: Ord + Clone, V: PartialEq>(old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> Vec<K> {
    let gone = old.keys().filter(|k| !new.contains_key(*k));
    let changed = new.iter().filter(|(k, v)| old.get(k) != Some(v)).map(|(k, _)| k);
    gone.chain(changed).cloned().collect()
}
