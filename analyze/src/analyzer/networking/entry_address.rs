//! TCP without addresses.

use heddle_crds::networking::service_entry::Spec;

use crate::finding::Findings;
use crate::message::ADDRESSES_REQUIRED;
use crate::object::Object;
use crate::world::World;

/// Settings of the proxies that give every host an address of its own.
const ALLOCATION: [&str; 2] = ["ISTIO_META_DNS_AUTO_ALLOCATE", "PILOT_ENABLE_IP_AUTOALLOCATE"];

/// Finds TCP ports of ServiceEntries that have no addresses: the port alone would decide about connections.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    if allocates_addresses(world) {
        return;
    }
    let without = |entry: &&Object<Spec>| entry.spec.addresses.is_empty() && !entry.has_allocated_addresses;
    for entry in world.service_entries.iter().filter(without) {
        for (index, port) in entry.spec.ports.iter().enumerate() {
            if port.protocol.is_empty() || port.protocol.eq_ignore_ascii_case("TCP") {
                findings.add(&ADDRESSES_REQUIRED, entry, format!("spec.ports[{index}]"), &[]);
            }
        }
    }
}

/// Whether the proxies answer DNS themselves, with addresses that were made for the hosts.
fn allocates_addresses(world: &World) -> bool {
    let metadata = world.mesh.default_config.as_ref().and_then(|config| config.get("proxyMetadata"));
    let is_true = |name: &str| metadata.and_then(|all| all.get(name)).and_then(|value| value.as_str()) == Some("true");
    is_true("ISTIO_META_DNS_CAPTURE") && ALLOCATION.into_iter().any(is_true)
}
