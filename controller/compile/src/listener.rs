//! Listeners: where a proxy takes connections, and which filters they meet.

pub mod access_log;
pub mod chain;
pub mod destination;
pub mod http;
pub mod inbound;
pub mod inspector;
pub mod outbound;
pub mod plan;
pub mod port;
pub mod tcp;
pub mod tls;
pub mod upstream_alpn;

use heddle_model::Text;
use heddle_xds_api::envoy::config::{
    core::v3::{Address, Pipe, SocketAddress, address, socket_address::PortSpecifier},
    listener::v3::Listener,
};

/// A TCP address.
#[must_use]
pub fn socket_address(ip: &str, port: u16) -> Address {
    Address {
        address: Some(address::Address::SocketAddress(SocketAddress {
            address: ip.into(),
            port_specifier: Some(PortSpecifier::PortValue(port.into())),
            ..SocketAddress::default()
        })),
    }
}

/// An address to bind: a Unix socket's path after `unix://`, else an IP.
#[must_use]
pub fn bind_address(bind: &str, port: u16) -> Address {
    match bind.strip_prefix("unix://") {
        Some(path) => Address { address: Some(address::Address::Pipe(Pipe { path: path.into(), ..Pipe::default() })) },
        None => socket_address(bind, port),
    }
}

/// `<bind>_<port>`; a Unix socket is its own name.
#[must_use]
pub fn listener_name(bind: &str, port: u16) -> String {
    match bind.strip_prefix("unix://") {
        Some(path) => path.into(),
        None => format!("{bind}_{port}"),
    }
}

/// Listener of that name.
fn named(name: impl Into<String>, address: Address) -> Listener {
    Listener { name: name.into(), address: Some(address), ..Listener::default() }
}

/// All addresses of a view: IPv4's unless it has only IPv6.
#[must_use]
pub fn wildcard(view: &crate::view::ViewKey) -> Text {
    if view.ipv4 || !view.ipv6 { "0.0.0.0".into() } else { "::".into() }
}

/// The loopback address of a view.
#[must_use]
pub fn loopback(view: &crate::view::ViewKey) -> Text {
    if view.ipv4 || !view.ipv6 { "127.0.0.1".into() } else { "::1".into() }
}
