//! Addresses for the hosts of ServiceEntries that have none, so that TCP connections to them can be told apart.
//!
//! A hash of namespace, name and host chooses the address, and on a collision the next free one is taken; older
//! objects choose first. So the same mesh has the same addresses everywhere, and few move when an object is added.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use heddle_model::{Text, object::Origin, service::ServiceKey};

/// Usable addresses: the last octet runs from 1 to 254.
const SLOTS: u32 = 256 * 254;

/// A host that needs addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wanted {
    /// The object.
    pub origin: Origin,
    /// The service.
    pub key: ServiceKey,
    /// Addresses that it had before, which it keeps.
    pub kept: Vec<IpAddr>,
}

/// Gives each host an IPv4 address of 240.240.0.0/16 and an IPv6 address of 2001:2::/48. What is left of a full range
/// gets none.
pub(crate) fn allocate(mut wanted: Vec<Wanted>) -> BTreeMap<ServiceKey, Vec<IpAddr>> {
    wanted.sort();
    let mut found = BTreeMap::new();
    let mut used: BTreeSet<u32> = BTreeSet::new();
    for host in &wanted {
        used.extend(host.kept.iter().filter_map(|ip| slot_of(*ip)));
    }
    for host in wanted {
        if !host.kept.is_empty() {
            found.entry(host.key).or_insert(host.kept);
            continue;
        }
        if found.contains_key(&host.key) || used.len() >= SLOTS as usize {
            continue;
        }
        let name: [&Text; 3] = [host.origin.namespace(), host.origin.name(), &host.key.host.text()];
        let mut slot = hash(&name) % SLOTS;
        while !used.insert(slot) {
            slot = (slot + 1) % SLOTS;
        }
        found.insert(host.key, addresses(slot));
    }
    found
}

fn addresses(slot: u32) -> Vec<IpAddr> {
    let (high, low) = octets(slot);
    let v4 = Ipv4Addr::new(240, 240, high, low);
    let v6 = Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0xf0f0, u16::from_be_bytes([high, low]));
    vec![v4.into(), v6.into()]
}

/// The octets of a slot; the last is never 0 or 255.
fn octets(slot: u32) -> (u8, u8) {
    let octet = |number: u32| u8::try_from(number & 0xff).unwrap_or(0);
    (octet(slot / 254), octet(slot % 254 + 1))
}

fn slot_of(ip: IpAddr) -> Option<u32> {
    let IpAddr::V4(v4) = ip else { return None };
    match v4.octets() {
        [240, 240, high, low @ 1..=254] => Some(u32::from(high) * 254 + u32::from(low) - 1),
        _ => None,
    }
}

/// FNV-1a, which is small and the same everywhere.
fn hash(parts: &[&Text]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([b'/']));
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
