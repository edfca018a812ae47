//! Filter chains: what is asked of a connection, and what then happens to it.

use std::time::Duration;

use ipnet::IpNet;

use heddle_model::host::Host;
use heddle_xds_api::envoy::config::{
    core::v3::{CidrRange, TransportSocket},
    listener::v3::{Filter, FilterChain, FilterChainMatch},
};

use crate::envoy::duration::duration;

/// Plain text.
pub(crate) const RAW: &str = "raw_buffer";
/// TLS.
pub(crate) const TLS: &str = "tls";
/// What the inspector says of plain HTTP.
pub(crate) const PLAIN_HTTP: [&str; 2] = ["http/1.1", "h2c"];
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// What a chain asks of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asks {
    /// Original destination port.
    pub(crate) port: Option<u16>,
    /// Networks of the original destination.
    pub(crate) networks: Vec<IpNet>,
    /// SNI, one of these.
    pub(crate) server_names: Vec<String>,
    /// [`RAW`] or [`TLS`]; empty: either.
    pub(crate) transport: &'static str,
    /// ALPN, one of these.
    pub(crate) protocols: Vec<&'static str>,
}

impl Asks {
    /// The message; none where nothing is asked.
    pub(crate) fn chain_match(&self) -> Option<FilterChainMatch> {
        if *self == Self::default() {
            return None;
        }
        Some(FilterChainMatch {
            destination_port: self.port.map(u32::from),
            prefix_ranges: self.networks.iter().map(range).collect(),
            server_names: self.server_names.clone(),
            transport_protocol: self.transport.into(),
            application_protocols: self.protocols.iter().map(ToString::to_string).collect(),
            ..FilterChainMatch::default()
        })
    }
}

/// A chain of filters.
pub(crate) fn chain(name: &str, asks: &Asks, filters: Vec<Filter>, socket: Option<TransportSocket>) -> FilterChain {
    FilterChain {
        name: name.into(),
        filter_chain_match: asks.chain_match(),
        filters,
        transport_socket_connect_timeout: Some(duration(HANDSHAKE)),
        transport_socket: socket,
        ..FilterChain::default()
    }
}

/// Hosts as SNI; none where they are every host.
pub(crate) fn server_names<'a>(hosts: impl Iterator<Item = &'a Host>) -> Vec<String> {
    let names: Vec<String> = hosts.map(ToString::to_string).collect();
    if names.iter().any(|name| name == "*") { Vec::new() } else { names }
}

fn range(network: &IpNet) -> CidrRange {
    CidrRange { address_prefix: network.addr().to_string(), prefix_len: Some(network.prefix_len().into()) }
}
