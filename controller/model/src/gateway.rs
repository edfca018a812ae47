//! Gateways: ports that gateway proxies open, and the hosts they take.

use crate::{Text, host::Host, labels::Labels, object::Origin, protocol::Protocol, tls::ServerTls};

/// One Gateway object.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// The object.
    pub origin: Origin,
    /// Namespace and name by which VirtualServices bind to it: the object's, unless it was made of another kind.
    pub bound: (Text, Text),
    /// Labels of the proxies that serve it; empty: all gateways.
    pub selector: Labels,
    /// Services in front of the proxies that serve it, in place of the selector (annotation
    /// `internal.istio.io/gateway-service`); empty: the selector counts.
    pub services: Vec<Host>,
    /// Its servers.
    pub servers: Vec<Server>,
}

/// One port of a gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Path in its object, e.g. `spec.servers[0]`.
    pub field: String,
    /// Name; may be empty.
    pub name: Text,
    /// Port number as clients of the gateway's Service see it.
    pub port: u16,
    /// Port name.
    pub port_name: Text,
    /// Protocol.
    pub protocol: Protocol,
    /// Address to bind; empty: all.
    pub bind: Text,
    /// Hosts taken, each with the namespaces whose routes may serve it.
    pub hosts: Vec<ServerHost>,
    /// TLS; none: plain text.
    pub tls: Option<ServerTls>,
}

/// A host of a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerHost {
    /// Namespace whose VirtualServices may bind; none: any (`*`). `.` is already resolved.
    pub namespace: Option<Text>,
    /// The host.
    pub host: Host,
}
