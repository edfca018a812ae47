//! Endpoints of a ServiceEntry.

use crate::decode::Path;
use crate::networking::service_entry::Spec;
use crate::networking::workload_entry;
use crate::validate::address::{self, UNIX};
use crate::validate::report::{Report, quote};
use crate::validate::workload_entry::{host_or_ip, template};

/// Checks endpoints that are addresses.
pub(super) fn fixed(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let mut has_socket = false;
    for (index, endpoint) in spec.endpoints.iter().enumerate() {
        let at = at.field("endpoints");
        let at = at.index(index);
        if endpoint.address.is_empty() {
            without_address(endpoint, &at, out);
        } else if let Some(path) = endpoint.address.strip_prefix(UNIX) {
            has_socket = true;
            out.need(&at.field("address"), address::unix(path));
            if !endpoint.ports.is_empty() {
                out.refuse(&at.field("ports"), "must be empty for a Unix socket");
            }
        } else {
            out.need(&at.field("address"), address::ip(&endpoint.address));
        }
        known_ports(endpoint, spec, &at, out);
    }
    if has_socket && spec.ports.len() != 1 {
        out.refuse(&at.field("ports"), "exactly one is needed with endpoints that are Unix sockets");
    }
}

/// Checks endpoints that may be names.
pub(super) fn resolved(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    for (index, endpoint) in spec.endpoints.iter().enumerate() {
        let at = at.field("endpoints");
        let at = at.index(index);
        if endpoint.address.is_empty() {
            without_address(endpoint, &at, out);
        } else {
            host_or_ip(&endpoint.address, &at.field("address"), out);
        }
        known_ports(endpoint, spec, &at, out);
    }
}

fn without_address(endpoint: &workload_entry::Spec, at: &Path<'_>, out: &mut Report) {
    if endpoint.network.is_empty() {
        return out.refuse(&at.field("address"), "is required without a network");
    }
    let reason = format_args!("is not set, so the gateway of network {} is used", quote(&endpoint.network));
    out.warn(&at.field("address"), reason);
}

/// An endpoint's ports go by the names of the service's.
fn known_ports(endpoint: &workload_entry::Spec, spec: &Spec, at: &Path<'_>, out: &mut Report) {
    template(endpoint, at, out);
    for name in endpoint.ports.keys() {
        if !spec.ports.iter().any(|port| port.name == *name) {
            out.refuse(&at.field("ports").field(name), "the service has no port of this name");
        }
    }
}
