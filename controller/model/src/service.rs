//! Services: named sets of endpoints, from Kubernetes or from ServiceEntries.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use crate::{Text, endpoint::Endpoint, host::Host, labels::Labels, map::SharedMap, object::Origin, protocol::Protocol};

/// Host and namespace: two namespaces may both declare one host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// Full host name.
    pub host: Host,
    /// Namespace of the declaring object.
    pub namespace: Text,
}

/// A service as its clients see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The declaring object.
    pub origin: Origin,
    /// Full host name, e.g. `reviews.default.svc.cluster.local`.
    pub host: Host,
    /// Further names under which it is known (ExternalName aliases that point to it).
    pub aliases: Vec<Host>,
    /// Where it was declared.
    pub registry: ServiceRegistry,
    /// Virtual addresses: cluster IPs, or a ServiceEntry's addresses (CIDRs too). Empty: headless or by name only.
    pub addresses: Vec<IpNet>,
    /// Addresses allocated for a ServiceEntry that has none, so that TCP ports can be told apart.
    pub auto_addresses: Vec<IpAddr>,
    /// Ports in the order of the object.
    pub ports: Vec<ServicePort>,
    /// How clients find endpoints.
    pub resolution: Resolution,
    /// Outside the mesh: no mTLS by default.
    pub external: bool,
    /// No cluster IP: clients connect to pods directly.
    pub headless: bool,
    /// Which namespaces see it.
    pub export_to: Visibility,
    /// Labels of the workloads behind it; empty when endpoints are given otherwise.
    pub selector: Labels,
    /// Labels of the object itself.
    pub labels: Labels,
    /// Further names that its certificates may carry.
    pub subject_alt_names: Vec<Text>,
    /// Only endpoints of the client's node (`internalTrafficPolicy: Local`).
    pub node_local: bool,
    /// `trafficDistribution` or its annotation: prefer close endpoints.
    pub prefer: Option<Preference>,
    /// Send to endpoints that are not ready too (`publishNotReadyAddresses`).
    pub publish_not_ready: bool,
    /// Sessions stick to a client's address (`sessionAffinity: ClientIP`), in seconds.
    pub session_affinity: Option<u32>,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServicePort {
    /// Name; unique in a service, may be empty when it is the only one.
    pub name: Text,
    /// Number that clients use.
    pub number: u16,
    /// What is spoken.
    pub protocol: Protocol,
}

/// Which registry a service comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceRegistry {
    /// A Kubernetes Service.
    Kubernetes,
    /// A ServiceEntry.
    External,
}

/// How a client of a service finds its endpoints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// Endpoints are given (EDS).
    Static,
    /// Each host of the endpoints is resolved, all addresses are used.
    Dns,
    /// The host is resolved, the first address is used for each new connection.
    DnsRoundRobin,
    /// The host asked for is resolved by the proxy on demand (wildcards).
    DynamicDns,
    /// The connection's original destination is used.
    Passthrough,
    /// Another host stands for it (ExternalName).
    Alias(Host),
}

/// Closeness preferred when endpoints are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preference {
    /// Same zone first.
    SameZone,
    /// Same node first.
    SameNode,
}

/// Which namespaces see an object (`exportTo`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visibility {
    /// All (`*`).
    #[default]
    All,
    /// These; the own one (`.`) is already resolved. Empty: none (`~`).
    Only(BTreeSet<Text>),
}

/// All services, by host and then namespace. Parts are shared between revisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Services {
    all: SharedMap<ServiceKey, Arc<Service>>,
}

/// Endpoints of services. Parts are shared between revisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoints {
    by_service: SharedMap<ServiceKey, Arc<Vec<Endpoint>>>,
    /// The services that have an endpoint at an address.
    at: SharedMap<(IpAddr, ServiceKey), ()>,
}

impl Service {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> ServiceKey {
        ServiceKey { host: self.host.clone(), namespace: self.origin.namespace().clone() }
    }

    /// The port with this number that carries connections. Datagrams of the same number are not proxied.
    #[must_use]
    pub fn port(&self, number: u16) -> Option<&ServicePort> {
        self.ports.iter().find(|port| port.number == number && port.protocol != Protocol::Udp)
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &Text {
        self.origin.namespace()
    }
}

impl Visibility {
    /// Whether a namespace sees the object.
    #[must_use]
    pub fn sees(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(set) => set.contains(namespace),
        }
    }

    /// Whether one namespace sees the object and no other.
    #[must_use]
    pub fn is_only(&self, namespace: &str) -> bool {
        matches!(self, Self::Only(set) if set.len() == 1 && set.contains(namespace))
    }
}

impl Services {
    /// Adds or replaces one.
    pub fn insert(&mut self, service: Arc<Service>) {
        self.all.insert(service.key(), service);
    }

    /// Takes one away.
    pub fn remove(&mut self, key: &ServiceKey) {
        self.all.remove(key);
    }

    /// All, by host and then namespace.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.all.values()
    }

    /// All that declare a host, by namespace.
    pub fn of_host(&self, host: &Host) -> impl Iterator<Item = &Arc<Service>> {
        self.all.starting(|key| key.host < *host).take_while(move |(key, _)| key.host == *host).map(|(_, s)| s)
    }

    /// One by its key.
    #[must_use]
    pub fn get(&self, key: &ServiceKey) -> Option<&Arc<Service>> {
        self.all.get(key)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Keys of services that came, changed or went between two revisions.
    #[must_use]
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a ServiceKey> {
        self.all.differing(&other.all, Arc::ptr_eq)
    }
}

impl Endpoints {
    /// Sets those of one service.
    pub fn insert(&mut self, key: ServiceKey, endpoints: Arc<Vec<Endpoint>>) {
        let new: BTreeSet<IpAddr> = addresses(&endpoints).collect();
        let old: BTreeSet<IpAddr> = self.get(&key).into_iter().flat_map(|old| addresses(old)).collect();
        for gone in old.difference(&new) {
            self.at.remove(&(*gone, key.clone()));
        }
        for come in new.difference(&old) {
            self.at.insert((*come, key.clone()), ());
        }
        self.by_service.insert(key, endpoints);
    }

    /// Takes those of one service away.
    pub fn remove(&mut self, key: &ServiceKey) {
        let old: BTreeSet<IpAddr> = self.get(key).into_iter().flat_map(|old| addresses(old)).collect();
        for gone in old {
            self.at.remove(&(gone, key.clone()));
        }
        self.by_service.remove(key);
    }

    /// The services that have an endpoint at an address.
    pub fn at(&self, address: IpAddr) -> impl Iterator<Item = &ServiceKey> {
        let from = self.at.starting(move |(one, _)| *one < address);
        from.map(|(key, ())| key).take_while(move |(one, _)| *one == address).map(|(_, service)| service)
    }

    /// Those of one service.
    #[must_use]
    pub fn get(&self, key: &ServiceKey) -> Option<&Arc<Vec<Endpoint>>> {
        self.by_service.get(key)
    }

    /// Services whose endpoints came, changed or went between two revisions.
    #[must_use]
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a ServiceKey> {
        self.by_service.differing(&other.by_service, Arc::ptr_eq)
    }

    /// All, by service.
    pub fn iter(&self) -> impl Iterator<Item = (&ServiceKey, &Arc<Vec<Endpoint>>)> {
        self.by_service.iter()
    }
}

fn addresses(endpoints: &[Endpoint]) -> impl Iterator<Item = IpAddr> {
    endpoints.iter().filter_map(|endpoint| endpoint.address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Address, Health, WorkloadName};
    use crate::locality::Locality;

    #[test]
    fn endpoints_are_found_by_address() {
        let key = |host: &str| ServiceKey { host: Host::parse(host).unwrap(), namespace: "a".into() };
        let at = |ip: &str| Endpoint {
            address: Address::Ip(ip.parse().unwrap()),
            port: 80,
            service_port: "http".into(),
            labels: Labels::default(),
            locality: Locality::default(),
            weight: 1,
            network: "".into(),
            identity: None,
            mtls: false,
            health: Health::Healthy,
            workload: WorkloadName::default(),
            hostname: None,
            node: "".into(),
        };
        let mut endpoints = Endpoints::default();
        endpoints.insert(key("one"), Arc::new(vec![at("10.0.0.1"), at("10.0.0.2"), at("10.0.0.2")]));
        endpoints.insert(key("two"), Arc::new(vec![at("10.0.0.2")]));
        let found = |endpoints: &Endpoints, ip: &str| {
            endpoints.at(ip.parse().unwrap()).map(|key| key.host.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(&endpoints, "10.0.0.2"), ["one", "two"]);
        endpoints.insert(key("one"), Arc::new(vec![at("10.0.0.1"), at("10.0.0.3")]));
        assert_eq!(found(&endpoints, "10.0.0.2"), ["two"]);
        assert_eq!(found(&endpoints, "10.0.0.3"), ["one"]);
        endpoints.remove(&key("one"));
        assert!(found(&endpoints, "10.0.0.1").is_empty() && found(&endpoints, "10.0.0.3").is_empty());
        assert!(endpoints.at.len() == 1);
    }
}
