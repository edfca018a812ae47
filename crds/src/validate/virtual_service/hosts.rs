//! Hosts and gateways.

use super::VirtualServiceContext;
use crate::decode::Path;
use crate::networking::virtual_service::Spec;
use crate::validate::label::{dns_label, is_dns_label};
use crate::validate::report::{Report, quote};
use crate::validate::{address, header, host, port};

/// The name that stands for all sidecars.
const MESH: &str = "mesh";
/// What names begin with that are made for traffic between networks.
const OUTBOUND: &str = "outbound";

/// Checks names of gateways.
pub(super) fn gateways(gateways: &[String], is_generated: bool, at: &Path<'_>, out: &mut Report) {
    for (index, gateway) in gateways.iter().enumerate() {
        let at = at.index(index);
        let Some((namespace, name)) = gateway.split_once('/') else {
            if gateway.contains('.') {
                let reason = format_args!("{} names a gateway in an old form; write namespace/name", quote(gateway));
                out.warn(&at, reason);
            }
            out.need(&at, host::fqdn(gateway));
            continue;
        };
        if namespace.is_empty() || name.is_empty() {
            out.refuse(&at, "neither the namespace nor the name of a gateway may be empty");
            continue;
        }
        out.need(&at, dns_label(namespace, "namespace"));
        if !is_generated {
            out.need(&at, dns_label(name, "gateway's name"));
        }
    }
}

/// Checks the hosts, each by itself and then against each other.
pub(super) fn hosts(scope: &VirtualServiceContext<'_>, at: &Path<'_>, out: &mut Report) {
    let spec = scope.spec;
    let applies_to_mesh = spec.gateways.is_empty() || spec.gateways.iter().any(|gateway| gateway == MESH);
    let mut are_valid = true;
    for (index, name) in spec.hosts.iter().enumerate() {
        let at = at.field("hosts");
        let at = at.index(index);
        let result = sni_or_wildcard(name, is_sni_host(spec, name));
        if let Err(reason) = result {
            if address::ip(name).is_err() {
                out.refuse(&at, reason);
                are_valid = false;
            }
        } else if applies_to_mesh && name == "*" {
            out.refuse(&at, "the host * needs a gateway: it would take all traffic of the mesh");
            are_valid = false;
        }
    }
    if are_valid {
        duplicates(&spec.hosts, &at.field("hosts"), out);
    }
}

/// Claims of tokens are known at gateways only.
pub(super) fn claims(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    if spec.gateways.iter().any(|gateway| gateway != MESH) {
        return;
    }
    for (index, route) in spec.http.iter().enumerate() {
        for (number, matching) in route.matches.iter().enumerate() {
            for name in
                matching.headers.keys().chain(matching.without_headers.keys()).filter(|name| header::is_claim(name))
            {
                let at = at.field("http");
                let at = at.index(index);
                let at = at.field("match");
                let reason = format_args!("{} is matched at gateways only, and none is named", quote(name));
                out.refuse(&at.index(number).field("headers"), reason);
            }
        }
    }
}

/// Checks a host that may be a name made for traffic between networks, `outbound_.PORT_.SUBSET_.HOST`.
pub(super) fn sni_or_wildcard(name: &str, is_sni: bool) -> Result<(), String> {
    if !is_sni || !name.starts_with(OUTBOUND) {
        return host::wildcard(name);
    }
    let wrong = || format!("{} is not of the form outbound_.PORT_.SUBSET_.HOST", quote(name));
    let parts: Vec<&str> = name.splitn(4, "_.").collect();
    let [OUTBOUND, port, subset, host] = parts.as_slice() else { return Err(wrong()) };
    let number = port.parse().map_err(|_| wrong())?;
    port::number(number)?;
    if !subset.is_empty() && !is_dns_label(subset) {
        return Err(wrong());
    }
    host::fqdn(host)
}

fn is_sni_host(spec: &Spec, name: &str) -> bool {
    spec.tls.iter().flat_map(|route| &route.matches).any(|matching| matching.sni_hosts.iter().any(|sni| sni == name))
}

/// Hosts of one object must not overlap. Wildcards are few; exact names are compared as a set.
fn duplicates(hosts: &[String], at: &Path<'_>, out: &mut Report) {
    let mut seen = std::collections::BTreeSet::new();
    let wildcards: Vec<(usize, &String)> = hosts.iter().enumerate().filter(|(_, host)| host.starts_with('*')).collect();
    for (index, name) in hosts.iter().enumerate() {
        if !seen.insert(name.as_str()) {
            out.refuse(&at.index(index), format_args!("the host {} is named twice", quote(name)));
        }
        let other = wildcards
            .iter()
            .take(1000)
            .find(|(other, wildcard)| *other != index && *wildcard != name && host::overlap(name, wildcard));
        if let Some((_, other)) = other {
            let reason = format_args!("the host {} is also matched by {}", quote(name), quote(other));
            out.refuse(&at.index(index), reason);
        }
    }
}
