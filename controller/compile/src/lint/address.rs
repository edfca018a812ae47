//! Addresses of listeners. Envoy refuses a listener if another one has the same address, even if neither binds it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    net::IpAddr,
};

use heddle_xds_api::envoy::config::core::v3::{
    Address, address,
    socket_address::{PortSpecifier, Protocol},
};
use heddle_xds_api::envoy::config::listener::v3::Listener;

use super::Violation;

/// An address as Envoy compares it: two spellings of an IP address are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bind {
    Ip { is_udp: bool, ip: IpAddr, port: u32 },
    Name { host: String, port: u32 },
    Pipe(String),
}

/// The pairs of listeners that have the same address.
pub(super) fn duplicates(listeners: &[Listener]) -> Vec<Violation> {
    let mut taken: BTreeMap<Bind, &Listener> = BTreeMap::new();
    let mut found = Vec::new();
    for listener in listeners {
        for bind in binds(listener) {
            match taken.entry(bind) {
                Entry::Vacant(free) => {
                    free.insert(listener);
                }
                // Envoy compares the addresses of one listener with those of others only.
                Entry::Occupied(used) if used.get().name != listener.name => {
                    let listeners = [used.get().name.clone(), listener.name.clone()];
                    found.push(Violation::DuplicateAddress { listeners, address: used.key().to_string() });
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    found
}

/// The addresses that no other listener may have. A listener that binds port 0 gets a free port.
fn binds(listener: &Listener) -> impl Iterator<Item = Bind> {
    let is_bound = listener.bind_to_port != Some(false);
    let additional = listener.additional_addresses.iter().filter_map(|additional| additional.address.as_ref());
    let binds = listener.address.iter().chain(additional).filter_map(bind);
    binds.filter(move |bind| !(is_bound && matches!(bind, Bind::Ip { port: 0, .. })))
}

fn bind(address: &Address) -> Option<Bind> {
    match address.address.as_ref()? {
        address::Address::SocketAddress(socket) => {
            let port = match socket.port_specifier {
                Some(PortSpecifier::PortValue(port)) => port,
                _ => 0,
            };
            let is_udp = socket.protocol == Protocol::Udp as i32;
            let name = || Bind::Name { host: socket.address.clone(), port };
            Some(socket.address.parse().map_or_else(|_| name(), |ip| Bind::Ip { is_udp, ip, port }))
        }
        address::Address::Pipe(pipe) => Some(Bind::Pipe(pipe.path.clone())),
        address::Address::EnvoyInternalAddress(_) => None,
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip { is_udp, ip, port } => write!(f, "{}{ip} port {port}", if *is_udp { "UDP " } else { "" }),
            Self::Name { host, port } => write!(f, "{host} port {port}"),
            Self::Pipe(path) => f.write_str(path),
        }
    }
}
