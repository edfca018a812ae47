//! A connected proxy: who it is, where it runs, what it can do. An immutable value made from its Node.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{Text, labels::Labels, locality::Locality};

/// One proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Node id as sent, e.g. `sidecar~10.0.0.1~web-1.default~default.svc.cluster.local`.
    pub id: Text,
    /// How istioctl names it: `<pod>.<namespace>`, e.g. `web-1.default`.
    pub short_id: Text,
    /// Whether it has proven to be of its namespace; else no secret is given to it.
    pub verified: bool,
    /// Sidecar or gateway.
    pub kind: ProxyKind,
    /// Addresses of the workload; the first is the main one.
    pub addresses: Vec<IpAddr>,
    /// Name of the pod.
    pub name: Text,
    /// Namespace whose configuration it gets.
    pub namespace: Text,
    /// DNS domain of its namespace, e.g. `default.svc.cluster.local`.
    pub domain: Text,
    /// Service account; empty when the node did not say.
    pub service_account: Text,
    /// Labels of its workload.
    pub labels: Labels,
    /// Where it runs.
    pub locality: Locality,
    /// Network.
    pub network: Text,
    /// Cluster it runs in.
    pub cluster: Text,
    /// Node it runs on.
    pub node_name: Text,
    /// Workload name for telemetry.
    pub workload_name: Text,
    /// Version of the agent beside it, as the node says; empty when it did not say.
    pub istio_version: Text,
    /// How traffic reaches it.
    pub interception: Interception,
    /// Port of its forward HTTP proxy; 0: the mesh's choice.
    pub http_proxy_port: u16,
    /// HTTP/1.0 clients are served.
    pub http10: bool,
    /// It answers DNS for its workload.
    pub dns_capture: bool,
    /// Runs without the right to bind low ports (gateways).
    pub unprivileged: bool,
    /// Idle timeout of HTTP connections in seconds; 0: none given.
    pub idle_timeout_seconds: u64,
    /// What its programs listen on without any configuration of ours.
    pub ports: OwnPorts,
    /// What its Envoy has compiled in, and its version.
    pub can: Capabilities,
    /// File paths of certificates that its metadata names, by key (`TLS_SERVER_CERT_CHAIN` and the like).
    pub tls_files: std::collections::BTreeMap<Text, Text>,
}

/// Ports that the programs of a proxy listen on by themselves, before they have any configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnPorts {
    /// Envoy answers readiness probes (`ENVOY_STATUS_PORT`).
    pub readiness: u16,
    /// Envoy shows its metrics (`ENVOY_PROMETHEUS_PORT`).
    pub prometheus: u16,
    /// The agent shows merged metrics and answers probes (`statusPort` of ProxyConfig).
    pub agent: u16,
    /// Envoy's admin interface, on loopback (`proxyAdminPort` of ProxyConfig).
    pub admin: u16,
}

impl OwnPorts {
    /// The port on loopback where Istio's agent shows what Envoy was sent.
    pub const DEBUG: u16 = 15004;
    /// The port on loopback where the agent answers DNS.
    pub const DNS: u16 = 15053;

    /// All ports that the programs of a proxy may listen on.
    #[must_use]
    pub fn all(&self) -> [u16; 6] {
        [self.readiness, self.prometheus, self.agent, self.admin, Self::DEBUG, Self::DNS]
    }
}

impl Default for OwnPorts {
    fn default() -> Self {
        Self { readiness: 15021, prometheus: 15090, agent: 15020, admin: 15000 }
    }
}

/// What kind of proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyKind {
    /// Beside a workload.
    Sidecar,
    /// At the edge of the mesh (`router`).
    Gateway,
}

/// How traffic reaches a sidecar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interception {
    /// By iptables REDIRECT.
    #[default]
    Redirect,
    /// By iptables TPROXY.
    Tproxy,
    /// Not at all.
    None,
}

/// The extensions that are ever asked for. An Envoy lists hundreds, which are no part of a view: of two that differ in
/// others only, both see the same.
pub const ASKED_FOR: [&str; 4] =
    ["envoy.filters.network.upstream.metadata_exchange", "istio.alpn", "istio.metadata_exchange", "istio.stats"];

/// What an Envoy can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capabilities {
    /// Version as (major, minor, patch); zeros when it did not say.
    pub version: (u32, u32, u32),
    /// Names of those of [`ASKED_FOR`] that are compiled in; empty when it did not say: then it is taken for stock
    /// Envoy.
    pub extensions: BTreeSet<Text>,
    /// It may be sent the virtual hosts of a route configuration one by one.
    pub virtual_hosts: bool,
}

impl Capabilities {
    /// Whether it lists an extension. Only asked for what stock Envoy lacks.
    #[must_use]
    pub fn has(&self, extension: &str) -> bool {
        debug_assert!(ASKED_FOR.contains(&extension), "{extension} is not among those that are kept");
        self.extensions.contains(extension)
    }
}

impl Proxy {
    /// Whether it has an IPv4 address.
    #[must_use]
    pub fn ipv4(&self) -> bool {
        self.addresses.iter().any(IpAddr::is_ipv4)
    }

    /// Whether it has an IPv6 address.
    #[must_use]
    pub fn ipv6(&self) -> bool {
        self.addresses.iter().any(IpAddr::is_ipv6)
    }

    /// Whether it is a gateway.
    #[must_use]
    pub fn is_gateway(&self) -> bool {
        self.kind == ProxyKind::Gateway
    }
}
