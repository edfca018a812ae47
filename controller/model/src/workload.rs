//! Workloads: pods and WorkloadEntries, found by address.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use crate::{Text, labels::Labels, locality::Locality, map::SharedMap, object::Origin};

/// Something that runs and has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The Pod or WorkloadEntry.
    pub origin: Origin,
    /// Its addresses; the first is the main one.
    pub addresses: Vec<IpAddr>,
    /// Its labels.
    pub labels: Labels,
    /// Service account; `default` when it names none.
    pub service_account: Text,
    /// Node; empty for what runs elsewhere.
    pub node: Text,
    /// Where it runs.
    pub locality: Locality,
    /// Network; empty: the default one.
    pub network: Text,
    /// Ports by name, for services that name their target port.
    pub ports: BTreeMap<Text, u16>,
    /// Name of the controlling workload (Deployment and the like), else its own.
    pub workload_name: Text,
    /// `hostname` and `subdomain` of a pod.
    pub hostname: Text,
    /// See `hostname`.
    pub subdomain: Text,
    /// Whether a sidecar takes mutual TLS there (label `security.istio.io/tlsMode: istio`).
    pub mtls: bool,
    /// Ready to serve.
    pub ready: bool,
}

/// All workloads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workloads {
    by_address: SharedMap<IpAddr, Arc<Workload>>,
    by_name: SharedMap<(Text, Text), Arc<Workload>>,
}

impl Workloads {
    /// Adds one under its addresses and its name. On an address that two claim, the older object wins.
    pub fn insert(&mut self, workload: Arc<Workload>) {
        for address in &workload.addresses {
            if self.by_address.get(address).is_none_or(|known| workload.origin < known.origin) {
                self.by_address.insert(*address, workload.clone());
            }
        }
        let key = (workload.origin.namespace().clone(), workload.origin.name().clone());
        self.by_name.insert(key, workload);
    }

    /// Replaces the one of a name, or takes it away; what its addresses lead to is set apart by [`Self::set_at`].
    pub fn set(&mut self, namespace: Text, name: Text, workload: Option<Arc<Workload>>) {
        match workload {
            Some(workload) => self.by_name.insert((namespace, name), workload),
            None => self.by_name.remove(&(namespace, name)),
        }
    }

    /// Replaces the one at an address, or takes it away.
    pub fn set_at(&mut self, address: IpAddr, workload: Option<Arc<Workload>>) {
        match workload {
            Some(workload) => self.by_address.insert(address, workload),
            None => self.by_address.remove(&address),
        }
    }

    /// By address.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Option<&Arc<Workload>> {
        self.by_address.get(&address)
    }

    /// By namespace and name.
    #[must_use]
    pub fn named(&self, namespace: &str, name: &str) -> Option<&Arc<Workload>> {
        self.by_name.find(|(ns, n)| (&**ns, &**n).cmp(&(namespace, name)))
    }

    /// The workloads that one revision has and the other has not, or has in another version, by name or by address.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Arc<Workload>> {
        let names = self.by_name.differing(&other.by_name, Arc::ptr_eq);
        let addresses = self.by_address.differing(&other.by_address, Arc::ptr_eq);
        let by_name = names.into_iter().flat_map(move |name| [self, other].map(|of| of.by_name.get(name)));
        let at = addresses.into_iter().flat_map(move |address| [self, other].map(|of| of.by_address.get(address)));
        by_name.chain(at).flatten()
    }

    /// All, by namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Workload>> {
        self.by_name.values()
    }
}
