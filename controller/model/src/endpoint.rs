//! Endpoints: addresses that serve a port of a service.

use std::net::IpAddr;

use crate::{Text, identity::Identity, labels::Labels, locality::Locality};

/// One address and port behind one port of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Where it listens.
    pub address: Address,
    /// Port it listens on; 0 for a Unix socket.
    pub port: u16,
    /// Name of the service's port that it serves.
    pub service_port: Text,
    /// Labels of the workload, for subsets.
    pub labels: Labels,
    /// Where it runs.
    pub locality: Locality,
    /// Share of its locality's load; 1 by default.
    pub weight: u32,
    /// Network; empty: the default one.
    pub network: Text,
    /// Who answers there, when that is known.
    pub identity: Option<Identity>,
    /// Whether a sidecar in front takes Istio's mutual TLS.
    pub mtls: bool,
    /// Whether to send to it.
    pub health: Health,
    /// What runs there.
    pub workload: WorkloadName,
    /// Host name of the pod under a headless service (`<hostname>.<subdomain>`), when it has one.
    pub hostname: Option<Text>,
    /// Node it runs on; empty when unknown.
    pub node: Text,
}

/// An endpoint's address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// IPv4 or IPv6.
    Ip(IpAddr),
    /// A name to resolve.
    Name(Text),
    /// A Unix socket's path.
    Uds(Text),
}

/// Whether an endpoint may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Ready.
    Healthy,
    /// Going away, but still serving.
    Draining,
    /// Not ready.
    Unhealthy,
}

/// What telemetry calls a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadName {
    /// Name of the workload, e.g. its Deployment.
    pub name: Text,
    /// Namespace.
    pub namespace: Text,
}

impl Address {
    /// As text.
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::Ip(ip) => ip.to_string().into(),
            Self::Name(text) | Self::Uds(text) => text.clone(),
        }
    }

    /// The IP address, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            _ => None,
        }
    }
}
