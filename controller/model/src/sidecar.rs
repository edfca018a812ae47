//! Sidecar scopes: what a workload imports and how its own ports are opened.

use crate::{
    Text, host::Host, labels::Labels, mesh::OutboundMode, object::Origin, protocol::Protocol, route::Destination,
    tls::ServerTls, traffic::ConnectionPool,
};

/// One Sidecar object.
#[derive(Clone, Debug, PartialEq)]
pub struct Sidecar {
    /// The object.
    pub origin: Origin,
    /// Workloads it binds; none: all of the namespace (or of the mesh, in the root namespace).
    pub selector: Option<Labels>,
    /// Inbound listeners; empty: from the workload's services.
    pub ingress: Vec<Ingress>,
    /// Outbound listeners; empty: everything visible.
    pub egress: Vec<Egress>,
    /// Limits on inbound connections.
    pub inbound_pool: Option<ConnectionPool>,
    /// What happens to unknown destinations; none: the mesh's choice.
    pub outbound: Option<OutboundPolicy>,
}

/// Where traffic to unknown destinations goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundPolicy {
    /// Mode.
    pub mode: OutboundMode,
    /// Proxy that takes it instead, in mode `ALLOW_ANY`.
    pub egress_proxy: Option<Destination>,
}

/// An inbound listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingress {
    /// Path in its object.
    pub field: String,
    /// Port.
    pub port: u16,
    /// Port's name.
    pub port_name: Text,
    /// Protocol.
    pub protocol: Protocol,
    /// Address to bind; empty: the workload's.
    pub bind: Text,
    /// How traffic gets there.
    pub capture: CaptureMode,
    /// Where requests go.
    pub default_endpoint: DefaultEndpoint,
    /// TLS ended by the sidecar.
    pub tls: Option<ServerTls>,
    /// Limits of this port.
    pub pool: Option<ConnectionPool>,
}

/// Where an inbound listener forwards to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultEndpoint {
    /// The address that the caller used, or 127.0.0.1 in mode NONE.
    Instance,
    /// A loopback address (0.0.0.0:port is the instance's address) and port.
    Address(std::net::SocketAddr),
    /// A Unix socket.
    Uds(Text),
}

/// An outbound listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Egress {
    /// Path in its object.
    pub field: String,
    /// Port; none: every port of the imported services.
    pub port: Option<EgressPort>,
    /// Address to bind; empty: by the port's service, or 127.0.0.1 in mode NONE.
    pub bind: Text,
    /// How traffic gets there.
    pub capture: CaptureMode,
    /// Imported hosts.
    pub hosts: Vec<EgressHost>,
}

/// Port of an outbound listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressPort {
    /// Number; 0 for a Unix socket.
    pub number: u16,
    /// Name.
    pub name: Text,
    /// Protocol.
    pub protocol: Protocol,
}

/// `namespace/host` of an egress listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EgressHost {
    /// Which namespaces' services.
    pub namespace: EgressNamespace,
    /// Which hosts.
    pub host: Host,
}

/// Namespace part of an egress host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EgressNamespace {
    /// All (`*`).
    Any,
    /// None (`~`).
    None,
    /// The proxy's own (`.`): a Sidecar of the root namespace binds proxies of all namespaces, so it is not the
    /// object's.
    Own,
    /// This one.
    Named(Text),
}

/// How traffic reaches a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaptureMode {
    /// As the proxy's interception mode says.
    #[default]
    Default,
    /// Redirected by iptables.
    Iptables,
    /// Not at all: the application connects to the listener.
    None,
}
