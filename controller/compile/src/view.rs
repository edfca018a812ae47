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
    proxy::{Capabilities, Interception, OwnPorts, Proxy, ProxyKind},
    service::Service,
};

use crate::{
    inbound,
    tracked::{Client, Tracked},
};

/// All of a proxy that outbound output depends on. What is not here cannot be read there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ViewKey {
    /// Sidecar or gateway.
    pub(crate) kind: ProxyKind,
    /// Namespace whose configuration applies.
    pub(crate) namespace: Text,
    /// DNS domain of that namespace, e.g. `default.svc.cluster.local`.
    pub(crate) domain: Text,
    /// The labels that some object reads.
    pub(crate) labels: Labels,
    /// What its Envoy can do.
    pub(crate) can: Capabilities,
    /// Where it runs.
    pub(crate) locality: Locality,
    /// Network.
    pub(crate) network: Text,
    /// Cluster.
    pub(crate) cluster: Text,
    /// Node, where some service sends to its client's node only; else empty.
    pub(crate) node_name: Text,
    /// Has an IPv4 address.
    pub(crate) ipv4: bool,
    /// Has an IPv6 address.
    pub(crate) ipv6: bool,
    /// How traffic reaches it.
    pub(crate) interception: Interception,
    /// Port of its forward HTTP proxy; 0: none.
    pub(crate) http_proxy_port: u16,
    /// It answers DNS for its workload.
    pub(crate) dns_capture: bool,
    /// HTTP/1.0 is served.
    pub(crate) http10: bool,
    /// Cannot bind low ports.
    pub(crate) unprivileged: bool,
    /// Idle timeout of HTTP connections in seconds; 0: none given.
    pub(crate) idle_timeout_seconds: u64,
    /// What its programs listen on.
    pub(crate) ports: OwnPorts,
    /// Addresses of its inbound listeners, apart from the virtual one. Outbound listeners must leave them alone.
    pub(crate) inbound: BTreeSet<(IpAddr, u16)>,
    /// Files of certificates that its metadata names.
    pub(crate) tls_files: BTreeMap<Text, Text>,
    /// For gateways: the services in front of it, with the ports they map.
    pub(crate) fronts: BTreeSet<FrontService>,
}

/// A service in front of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FrontService {
    /// The service.
    pub(crate) host: Host,
    /// Its namespace.
    pub(crate) namespace: Text,
    /// Port of the service to port of the workload.
    pub(crate) ports: BTreeSet<(u16, u16)>,
    /// Gateways name the workload's own ports (label `experimental.istio.io/disable-gateway-port-translation`).
    pub(crate) translation_off: bool,
}

/// A service whose endpoints include a proxy, with (service port, workload port).
pub(crate) type BackedService = (Arc<Service>, Vec<(u16, u16)>);

impl ViewKey {
    /// Hosts of the services in front of a gateway.
    pub(crate) fn front_hosts(&self) -> BTreeSet<Host> {
        self.fronts.iter().map(|front| front.host.clone()).collect()
    }

    /// The view, as far as a snapshot's answers depend on it.
    pub(crate) fn client(&self) -> Client {
        Client { kind: self.kind, namespace: self.namespace.clone(), labels: self.labels.clone() }
    }
}

/// The view of a proxy. Of both: a sidecar often connects before its Pod's event arrives.
pub(crate) fn view(tracked: &Tracked<'_>, proxy: &Proxy) -> ViewKey {
    let facets = tracked.facets();
    ViewKey {
        kind: proxy.kind,
        namespace: proxy.namespace.clone(),
        domain: proxy.domain.clone(),
        labels: facets.labels_read(&labels_of(tracked, proxy), proxy.is_gateway()),
        can: proxy.can.clone(),
        locality: locality_of(tracked, proxy),
        network: proxy.network.clone(),
        cluster: proxy.cluster.clone(),
        node_name: if facets.node { proxy.node_name.clone() } else { Text::default() },
        ipv4: proxy.ipv4(),
        ipv6: proxy.ipv6(),
        interception: proxy.interception,
        http_proxy_port: if proxy.http_proxy_port == 0 {
            tracked.mesh().http_proxy_port
        } else {
            proxy.http_proxy_port
        },
        dns_capture: proxy.dns_capture,
        http10: proxy.http10,
        unprivileged: proxy.unprivileged,
        idle_timeout_seconds: proxy.idle_timeout_seconds,
        ports: proxy.ports.clone(),
        inbound: if proxy.is_gateway() { BTreeSet::new() } else { inbound(tracked, proxy) },
        tls_files: proxy.tls_files.clone(),
        fronts: if proxy.is_gateway() { fronts(tracked, proxy) } else { BTreeSet::new() },
    }
}

/// A workload's labels: of its Pod when that is known, else those the proxy brought.
pub(crate) fn labels_of(tracked: &Tracked<'_>, proxy: &Proxy) -> Labels {
    let pod = tracked.workload(proxy).filter(|w| !w.labels.is_empty());
    pod.map_or_else(|| proxy.labels.clone(), |w| w.labels.clone())
}

/// The services whose endpoints include the proxy, with (service port, workload port), in order of age.
pub(crate) fn backed_services(tracked: &Tracked<'_>, proxy: &Proxy) -> Vec<BackedService> {
    let services = tracked.services_at(&proxy.addresses).into_iter();
    let mut found: Vec<_> = services
        .filter_map(|service| {
            let ports = backed_ports(tracked, proxy, service);
            (!ports.is_empty()).then(|| (service.clone(), ports))
        })
        .collect();
    found.sort_by(|a, b| a.0.origin.cmp(&b.0.origin).then_with(|| a.0.host.cmp(&b.0.host)));
    found
}

/// The addresses of the inbound listeners that a proxy binds for ports of its Sidecar.
fn inbound(tracked: &Tracked<'_>, proxy: &Proxy) -> BTreeSet<(IpAddr, u16)> {
    let sidecar = tracked.sidecar(&proxy.namespace, &labels_of(tracked, proxy));
    let declared = sidecar.map(|sidecar| sidecar.ingress.as_slice()).unwrap_or_default();
    let own = declared.iter().filter(|ingress| inbound::has_own_listener(proxy, ingress));
    own.filter_map(|ingress| Some((inbound::ingress_bind(proxy, ingress).parse().ok()?, ingress.port))).collect()
}

fn locality_of(tracked: &Tracked<'_>, proxy: &Proxy) -> Locality {
    let known = tracked.workload(proxy).map(|w| w.locality.clone()).filter(|l| !l.is_empty());
    known.unwrap_or_else(|| proxy.locality.clone())
}

fn backed_ports(tracked: &Tracked<'_>, proxy: &Proxy, service: &Service) -> Vec<(u16, u16)> {
    let endpoints = tracked.endpoints(&service.key());
    let ours = endpoints.into_iter().flat_map(|e| e.iter()).filter(|endpoint| {
        endpoint.address.ip().is_some_and(|ip| proxy.addresses.contains(&ip))
            && (endpoint.workload.namespace.is_empty() || endpoint.workload.namespace == proxy.namespace)
            && (service.selector.is_empty() || service.namespace() == &proxy.namespace)
    });
    let port_of = |name: &str| service.ports.iter().find(|p| *p.name == *name).map(|p| p.number);
    let found: BTreeSet<(u16, u16)> = ours.filter_map(|e| Some((port_of(&e.service_port)?, e.port))).collect();
    found.into_iter().collect()
}

fn fronts(tracked: &Tracked<'_>, proxy: &Proxy) -> BTreeSet<FrontService> {
    let translation_off = |s: &Service| {
        s.labels.get("experimental.istio.io/disable-gateway-port-translation").is_some_and(|v| &**v == "true")
    };
    let front = |(service, ports): BackedService| FrontService {
        host: service.host.clone(),
        namespace: service.namespace().clone(),
        ports: ports.into_iter().collect(),
        translation_off: translation_off(&service),
    };
    backed_services(tracked, proxy).into_iter().map(front).collect()
}
