//! Views: proxies that see the same things share one, and outbound resources are compiled once a view.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use heddle_model::{
    Text,
    host::Host,
    labels::Labels,
    locality::Locality,
    proxy::{Capabilities, Interception, Proxy, ProxyKind},
    service::Service,
    sidecar::Sidecar,
    snapshot::Snapshot,
    workload::Workload,
};

/// All of a proxy that outbound output depends on. What is not here cannot be read there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewKey {
    /// Sidecar or gateway.
    pub kind: ProxyKind,
    /// Namespace whose configuration applies.
    pub namespace: Text,
    /// DNS domain of that namespace, e.g. `default.svc.cluster.local`.
    pub domain: Text,
    /// The labels that some object reads.
    pub labels: Labels,
    /// What its Envoy can do.
    pub can: Capabilities,
    /// Where it runs.
    pub locality: Locality,
    /// Network.
    pub network: Text,
    /// Cluster.
    pub cluster: Text,
    /// Node, where some service sends to its client's node only; else empty.
    pub node_name: Text,
    /// Has an IPv4 address.
    pub ipv4: bool,
    /// Has an IPv6 address.
    pub ipv6: bool,
    /// How traffic reaches it.
    pub interception: Interception,
    /// Port of its forward HTTP proxy; 0: none.
    pub http_proxy_port: u16,
    /// It answers DNS for its workload.
    pub dns_capture: bool,
    /// HTTP/1.0 is served.
    pub http10: bool,
    /// Cannot bind low ports.
    pub unprivileged: bool,
    /// Idle timeout of HTTP connections in seconds; 0: none given.
    pub idle_timeout_seconds: u64,
    /// Files of certificates that its metadata names.
    pub tls_files: BTreeMap<Text, Text>,
    /// For gateways: the services in front of it, with the ports they map.
    pub fronts: BTreeSet<FrontService>,
}

/// A service in front of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrontService {
    /// The service.
    pub host: Host,
    /// Its namespace.
    pub namespace: Text,
    /// Port of the service to port of the workload.
    pub ports: BTreeSet<(u16, u16)>,
    /// Gateways name the workload's own ports (label `experimental.istio.io/disable-gateway-port-translation`).
    pub translation_off: bool,
}

/// A service whose endpoints include a proxy, with (service port, workload port).
pub type BackedService = (Arc<Service>, Vec<(u16, u16)>);

/// The view of a proxy. Of both: a sidecar often connects before its Pod's event arrives.
#[must_use]
pub fn view(snapshot: &Snapshot, proxy: &Proxy) -> ViewKey {
    let labels = labels_of(snapshot, proxy);
    ViewKey {
        kind: proxy.kind,
        namespace: proxy.namespace.clone(),
        domain: proxy.domain.clone(),
        labels: project(&labels, &snapshot.facets.labels),
        can: proxy.can.clone(),
        locality: locality_of(snapshot, proxy),
        network: proxy.network.clone(),
        cluster: proxy.cluster.clone(),
        node_name: if snapshot.facets.node { proxy.node_name.clone() } else { Text::default() },
        ipv4: proxy.ipv4(),
        ipv6: proxy.ipv6(),
        interception: proxy.interception,
        http_proxy_port: if proxy.http_proxy_port == 0 { snapshot.mesh.http_proxy_port } else { proxy.http_proxy_port },
        dns_capture: proxy.dns_capture,
        http10: proxy.http10,
        unprivileged: proxy.unprivileged,
        idle_timeout_seconds: proxy.idle_timeout_seconds,
        tls_files: proxy.tls_files.clone(),
        fronts: if proxy.is_gateway() { fronts(snapshot, proxy) } else { BTreeSet::new() },
    }
}

/// A workload's labels: of its Pod when that is known, else those the proxy brought.
#[must_use]
pub fn labels_of(snapshot: &Snapshot, proxy: &Proxy) -> Labels {
    let pod = workload(snapshot, proxy).filter(|w| !w.labels.is_empty());
    pod.map_or_else(|| proxy.labels.clone(), |w| w.labels.clone())
}

/// The services whose endpoints include the proxy, with (service port, workload port), in order of age.
#[must_use]
pub fn backed_services(snapshot: &Snapshot, proxy: &Proxy) -> Vec<BackedService> {
    let keys: BTreeSet<_> = proxy.addresses.iter().flat_map(|address| snapshot.endpoints.at(*address)).collect();
    let services = keys.into_iter().filter_map(|key| snapshot.services.get(key));
    let mut found: Vec<_> = services
        .filter_map(|service| {
            let ports = backed_ports(snapshot, proxy, service);
            (!ports.is_empty()).then(|| (service.clone(), ports))
        })
        .collect();
    found.sort_by(|a, b| a.0.origin.cmp(&b.0.origin).then_with(|| a.0.host.cmp(&b.0.host)));
    found
}

/// The oldest Sidecar that binds a workload: by its labels, else of its namespace, else of the mesh.
#[must_use]
pub fn sidecar<'a>(snapshot: &'a Snapshot, namespace: &str, labels: &Labels) -> Option<&'a Arc<Sidecar>> {
    let of = |ns: &str, selected: bool| {
        let wanted = ns.to_owned();
        let labels = labels.clone();
        snapshot.sidecars.iter().find(move |s| {
            **s.origin.namespace() == *wanted
                && match &s.selector {
                    Some(selector) => selected && !selector.is_empty() && selector.select(&labels),
                    None => !selected,
                }
        })
    };
    let root = &snapshot.mesh.root_namespace;
    of(namespace, true).or_else(|| of(namespace, false)).or_else(|| of(root, false))
}

/// The workload of a proxy: by its name, else by its address.
#[must_use]
pub fn workload<'a>(snapshot: &'a Snapshot, proxy: &Proxy) -> Option<&'a Arc<Workload>> {
    let at = |ip: &IpAddr| snapshot.workloads.at(*ip).filter(|w| w.origin.namespace() == &proxy.namespace);
    let named = snapshot.workloads.named(&proxy.namespace, &proxy.name);
    named.or_else(|| proxy.addresses.iter().find_map(at))
}

fn locality_of(snapshot: &Snapshot, proxy: &Proxy) -> Locality {
    let known = workload(snapshot, proxy).map(|w| w.locality.clone()).filter(|l| !l.is_empty());
    known.unwrap_or_else(|| proxy.locality.clone())
}

fn backed_ports(snapshot: &Snapshot, proxy: &Proxy, service: &Service) -> Vec<(u16, u16)> {
    let endpoints = snapshot.endpoints.get(&service.key());
    let ours = endpoints.into_iter().flat_map(|e| e.iter()).filter(|endpoint| {
        endpoint.address.ip().is_some_and(|ip| proxy.addresses.contains(&ip))
            && (endpoint.workload.namespace.is_empty() || endpoint.workload.namespace == proxy.namespace)
            && (service.selector.is_empty() || service.namespace() == &proxy.namespace)
    });
    let port_of = |name: &str| service.ports.iter().find(|p| *p.name == *name).map(|p| p.number);
    let found: BTreeSet<(u16, u16)> = ours.filter_map(|e| Some((port_of(&e.service_port)?, e.port))).collect();
    found.into_iter().collect()
}

fn fronts(snapshot: &Snapshot, proxy: &Proxy) -> BTreeSet<FrontService> {
    let translation_off = |s: &Service| {
        s.labels.get("experimental.istio.io/disable-gateway-port-translation").is_some_and(|v| &**v == "true")
    };
    let front = |(service, ports): BackedService| FrontService {
        host: service.host.clone(),
        namespace: service.namespace().clone(),
        ports: ports.into_iter().collect(),
        translation_off: translation_off(&service),
    };
    backed_services(snapshot, proxy).into_iter().map(front).collect()
}

fn project(labels: &Labels, keys: &BTreeSet<Text>) -> Labels {
    labels.iter().filter(|(key, _)| keys.contains(*key)).map(|(k, v)| (k.clone(), v.clone())).collect()
}
