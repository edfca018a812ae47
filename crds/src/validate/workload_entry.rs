//! What a WorkloadEntry may say.

use super::address::{self, UNIX};
use super::label::labels;
use super::report::{Report, quote};
use super::{host, port};
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::workload_entry::Spec;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, _: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    if spec.address.is_empty() {
        if spec.network.is_empty() {
            out.refuse(&at.field("address"), "is required without a network");
        } else {
            let reason = format_args!("is not set, so the gateway of network {} is used", quote(&spec.network));
            out.warn(&at.field("address"), reason);
        }
    } else if let Some(path) = spec.address.strip_prefix(UNIX) {
        out.need(&at.field("address"), address::unix(path));
        if !spec.ports.is_empty() {
            out.refuse(&at.field("ports"), "must be empty for a Unix socket");
        }
    } else {
        host_or_ip(&spec.address, &at.field("address"), out);
    }
    template(spec, at, out);
}

/// Checks what an entry and a template of entries have in common.
pub(super) fn template(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    for (name, number) in &spec.ports {
        let at = at.field("ports");
        let at = at.field(name);
        out.need(&at, port::name(name));
        out.need(&at, port::number(*number));
    }
    labels(&spec.labels, &at.field("labels"), out);
    if spec.service_account.len() > 253 {
        out.refuse(&at.field("serviceAccount"), "is longer than 253 letters");
    }
    if spec.locality.len() > 2048 || spec.network.len() > 2048 {
        out.refuse(at, "neither the locality nor the network may be longer than 2048 letters");
    }
}

/// Checks an address that may be a name.
pub(super) fn host_or_ip(text: &str, at: &Path<'_>, out: &mut Report) {
    if address::ip(text).is_err() && host::fqdn(text).is_err() {
        out.refuse(at, format_args!("{} is neither a host name nor an IP address", quote(text)));
    }
}
