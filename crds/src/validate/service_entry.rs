//! What a ServiceEntry may say.

mod endpoint;

use std::collections::BTreeSet;

use super::export::export_to;
use super::label::selector;
use super::port::Protocol;
use super::report::{Report, quote};
use super::{address, host, port};
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::service_entry::{Resolution, Spec};

/// Most hosts, addresses and ports; and most endpoints.
const MOST: usize = 256;
const MOST_ENDPOINTS: usize = 4096;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, meta: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    sizes(spec, at, out);
    hosts(spec, &at.field("hosts"), out);
    if let Some(workloads) = &spec.workload_selector {
        selector(&workloads.labels, &at.field("workloadSelector").field("labels"), out);
        if !spec.endpoints.is_empty() {
            out.refuse(&at.field("endpoints"), "excludes workloadSelector");
        }
        if spec.resolution == Resolution::None {
            out.warn(&at.field("workloadSelector"), "has no effect with the resolution NONE");
        }
    }
    addresses(spec, &at.field("addresses"), out);
    ports(spec, &at.field("ports"), out);
    resolution(spec, at, out);
    weights(spec, &at.field("endpoints"), out);
    shared_ports(spec, at, out);
    export_to(&spec.export_to, &meta.namespace, &at.field("exportTo"), out);
}

fn sizes(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let sizes = [
        ("hosts", spec.hosts.len(), MOST),
        ("addresses", spec.addresses.len(), MOST),
        ("ports", spec.ports.len(), MOST),
        ("endpoints", spec.endpoints.len(), MOST_ENDPOINTS),
    ];
    for (name, size, most) in sizes.into_iter().filter(|(_, size, most)| size > most) {
        out.refuse(&at.field(name), format_args!("{size} entries are more than {most}"));
    }
}

fn hosts(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    if spec.hosts.is_empty() {
        out.refuse(at, "at least one host is required");
    }
    for (index, name) in spec.hosts.iter().enumerate() {
        let at = at.index(index);
        if name == "*" {
            out.refuse(&at, "the host * would take all traffic of the mesh");
            continue;
        }
        out.need(&at, host::wildcard(name));
        if let Err(reason) = host::whole_wildcard(name) {
            out.warn(&at, reason);
        }
    }
}

fn addresses(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let takes_cidr = matches!(spec.resolution, Resolution::None | Resolution::Static);
    for (index, text) in spec.addresses.iter().enumerate() {
        let at = at.index(index);
        out.need(&at, address::subnet(text));
        if text.contains('/') && !takes_cidr {
            out.refuse(&at, "a CIDR needs the resolution NONE or STATIC");
        }
    }
}

fn ports(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (index, entry) in spec.ports.iter().enumerate() {
        let at = at.index(index);
        if !names.insert(&entry.name) {
            out.refuse(&at.field("name"), format_args!("two ports are named {}", quote(&entry.name)));
        }
        if !numbers.insert(entry.number) {
            out.refuse(&at.field("number"), format_args!("two ports have the number {}", entry.number));
        }
        out.need(&at.field("name"), port::name(&entry.name));
        out.need(&at.field("number"), port::number(entry.number));
        out.need(&at.field("targetPort"), port::optional(entry.target_port));
        out.need(&at.field("protocol"), port::protocol(&entry.protocol));
        let is_raw = entry.protocol.is_empty() || Protocol::parse(&entry.protocol) == Some(Protocol::Tcp);
        if is_raw && spec.addresses.is_empty() && spec.resolution != Resolution::DynamicDns {
            out.warn(&at, "a port of TCP is told apart by its address only, so one is allocated; none is given");
        }
    }
}

fn resolution(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let has_endpoints = !spec.endpoints.is_empty();
    match spec.resolution {
        Resolution::None if has_endpoints => out.refuse(&at.field("endpoints"), "must be empty for resolution NONE"),
        Resolution::None => {}
        Resolution::Static => endpoint::fixed(spec, at, out),
        Resolution::Dns | Resolution::DnsRoundRobin => {
            if spec.resolution == Resolution::DnsRoundRobin && spec.endpoints.len() > 1 {
                out.refuse(&at.field("endpoints"), "at most one is allowed for resolution DNS_ROUND_ROBIN");
            }
            if !has_endpoints && spec.workload_selector.is_none() {
                for (index, name) in spec.hosts.iter().enumerate().filter(|(_, name)| host::fqdn(name).is_err()) {
                    let reason = format_args!("{} cannot be resolved, and there are no endpoints", quote(name));
                    out.refuse(&at.field("hosts").index(index), reason);
                }
            }
            endpoint::resolved(spec, at, out);
        }
        Resolution::DynamicDns => dynamic(spec, at, out),
    }
}

/// Envoy adds up the weights of a cluster in 32 bits.
fn weights(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let total: u64 = spec.endpoints.iter().map(|endpoint| u64::from(endpoint.weight)).sum();
    if total > u64::from(u32::MAX) {
        let reason = format_args!("the weights add up to {total}, more than {}; all become smaller alike", u32::MAX);
        out.warn(at, reason);
    }
}

/// Names are resolved as requests ask for them, so there must be something to resolve and nothing else.
fn dynamic(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    for (index, name) in spec.hosts.iter().enumerate().filter(|(_, name)| !name.starts_with('*')) {
        let reason = format_args!("{} has no wildcard, which resolution DYNAMIC_DNS needs", quote(name));
        out.refuse(&at.field("hosts").index(index), reason);
    }
    let empty = [
        ("addresses", spec.addresses.is_empty()),
        ("endpoints", spec.endpoints.is_empty()),
        ("workloadSelector", spec.workload_selector.is_none()),
    ];
    for (name, _) in empty.into_iter().filter(|(_, is_empty)| !is_empty) {
        out.refuse(&at.field(name), "must be empty for resolution DYNAMIC_DNS");
    }
    for (index, entry) in spec.ports.iter().enumerate() {
        use Protocol::{Grpc, GrpcWeb, Http, Http2, Https, Tls};
        let protocol = Protocol::parse(&entry.protocol);
        if !matches!(protocol, Some(Grpc | GrpcWeb | Http | Http2 | Https | Tls)) {
            let reason = format_args!("{} carries no host name for resolution DYNAMIC_DNS", quote(&entry.protocol));
            out.refuse(&at.field("ports").index(index).field("protocol"), reason);
        }
    }
}

/// Where the endpoints are those of the hosts, a port must say by itself which host is meant: HTTP and TLS do.
fn shared_ports(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    if spec.hosts.len() < 2 || spec.resolution == Resolution::None {
        return;
    }
    for (index, entry) in spec.ports.iter().enumerate() {
        let names_host = |protocol: Protocol| protocol.is_http() || protocol.is_tls();
        if !Protocol::parse(&entry.protocol).is_some_and(names_host) {
            let reason = "several hosts cannot be told apart on a port that is neither HTTP nor TLS";
            out.refuse(&at.field("ports").index(index), reason);
        }
    }
}
