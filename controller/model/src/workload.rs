//! Workloads: pods and WorkloadEntries, found by address.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use crate::{Text, labels::Labels, locality::Locality, object::Origin};

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
    by_address: BTreeMap<IpAddr, Arc<Workload>>,
    by_name: BTreeMap<(Text, Text), Arc<Workload>>,
}

impl Workloads {
    /// Adds one under its addresses and its name. On an address that two claim, the older object wins.
    pub fn insert(&mut self, workload: Arc<Workload>) {
        for address in &workload.addresses {
            let slot = self.by_address.entry(*address).or_insert_with(|| workload.clone());
            if workload.origin < slot.origin {
                *slot = workload.clone();
            }
        }
        let key = (workload.origin.namespace().clone(), workload.origin.name().clone());
        self.by_name.insert(key, workload);
    }

    /// By address.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Option<&Arc<Workload>> {
        self.by_address.get(&address)
    }

    /// By namespace and name.
    #[must_use]
    pub fn named(&self, namespace: &str, name: &str) -> Option<&Arc<Workload>> {
        self.by_name.get(&(namespace.into(), name.into()))
    }

    /// All, by namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Workload>> {
        self.by_name.values()
    }
}
