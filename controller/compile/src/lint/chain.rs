//! Matches of filter chains. Envoy expands each match into one key for each combination of its values. It refuses a
//! listener with two equal keys (`envoy.config.listener.v3.FilterChainMatch`).

use std::collections::BTreeMap;

use heddle_xds_api::envoy::config::core::v3::CidrRange;
use heddle_xds_api::envoy::config::listener::v3::{FilterChainMatch, Listener};
use ipnet::IpNet;

use super::Violation;

/// Of each criterion of a match, in Envoy's order, the values. A criterion without a value has the value "".
type Criteria = [Vec<String>; 9];

/// The first two filter chains of the listener that have an equal key.
pub(super) fn overlap(listener: &Listener) -> Option<Violation> {
    let matches = listener.filter_chains.iter().map(|chain| chain.filter_chain_match.clone().unwrap_or_default());
    let chains: Vec<(usize, Criteria)> = matches.map(|one| criteria(&one)).enumerate().collect();
    let chains = equal_pair(chains.iter().collect(), 0)?;
    Some(Violation::OverlappingChains { listener: listener.name.clone(), chains })
}

/// Two of the chains whose values from criterion `at` on are equal. A chain that has a value twice is equal to itself.
fn equal_pair(chains: Vec<&(usize, Criteria)>, at: usize) -> Option<[usize; 2]> {
    let [(one, criteria), (other, _), ..] = chains.as_slice() else { return None };
    if at == criteria.len() {
        return Some([*one, *other]);
    }
    let mut by_value: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for chain in chains {
        chain.1[at].iter().for_each(|value| by_value.entry(value).or_default().push(chain));
    }
    by_value.into_values().find_map(|chains| equal_pair(chains, at + 1))
}

fn criteria(asks: &FilterChainMatch) -> Criteria {
    let values = [
        asks.destination_port.iter().map(ToString::to_string).collect(),
        ranges(&asks.prefix_ranges),
        asks.server_names.iter().map(|name| server_name(name)).collect(),
        vec![asks.transport_protocol.clone()],
        asks.application_protocols.clone(),
        ranges(&asks.direct_source_prefix_ranges),
        vec![asks.source_type.to_string()],
        ranges(&asks.source_prefix_ranges),
        asks.source_ports.iter().map(ToString::to_string).collect(),
    ];
    values.map(|values: Vec<String>| if values.is_empty() { vec![String::new()] } else { values })
}

/// Envoy compares networks: `10.0.0.1/8` is `10.0.0.0/8`.
fn ranges(ranges: &[CidrRange]) -> Vec<String> {
    let network = |range: &CidrRange| {
        let length = u8::try_from(range.prefix_len.unwrap_or_default()).unwrap_or(u8::MAX);
        let network = range.address_prefix.parse().ok().and_then(|ip| IpNet::new(ip, length).ok());
        network.map_or_else(|| range.address_prefix.clone(), |network| network.trunc().to_string())
    };
    ranges.iter().map(network).collect()
}

/// Envoy keeps `*.example.com` as `.example.com`.
fn server_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name.starts_with("*.") { name[1..].to_owned() } else { name }
}
