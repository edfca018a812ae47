//! Listeners: where a proxy takes connections, and which filters they meet.

pub(crate) mod access_log;
pub(crate) mod chain;
pub(crate) mod claims;
pub(crate) mod destination;
pub(crate) mod filter;
pub(crate) mod http;
pub(crate) mod inspector;
pub(crate) mod occupied;
pub(crate) mod outbound;
pub(crate) mod plan;
pub(crate) mod sni_dns;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod upstream_alpn;

use heddle_model::Text;
use heddle_xds_api::envoy::config::{
    core::v3::{Address, Pipe, SocketAddress, address, socket_address::PortSpecifier},
    listener::v3::Listener,
};

/// A TCP address.
pub(crate) fn socket_address(ip: &str, port: u16) -> Address {
    Address {
        address: Some(address::Address::SocketAddress(SocketAddress {
            address: ip.into(),
            port_specifier: Some(PortSpecifier::PortValue(port.into())),
            ..SocketAddress::default()
        })),
    }
}

/// An address to bind: a Unix socket's path after `unix://`, else an IP.
pub(crate) fn bind_address(bind: &str, port: u16) -> Address {
    match bind.strip_prefix("unix://") {
        Some(path) => Address { address: Some(address::Address::Pipe(Pipe { path: path.into(), ..Pipe::default() })) },
        None => socket_address(bind, port),
    }
}

/// `<bind>_<port>`, as istiod names it. A Unix socket has port 0.
pub(crate) fn listener_name(bind: &str, port: u16) -> String {
    format!("{bind}_{port}")
}

/// Listener of that name.
pub(crate) fn named(name: impl Into<String>, address: Address) -> Listener {
    Listener { name: name.into(), address: Some(address), ..Listener::default() }
}

/// All addresses of a proxy: IPv4's unless it has only IPv6.
pub(crate) fn wildcard(ipv4: bool, ipv6: bool) -> Text {
    if ipv4 || !ipv6 { "0.0.0.0".into() } else { "::".into() }
}

/// The loopback address of a proxy.
pub(crate) fn loopback(ipv4: bool, ipv6: bool) -> Text {
    if ipv4 || !ipv6 { "127.0.0.1".into() } else { "::1".into() }
}
