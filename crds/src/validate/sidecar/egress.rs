//! Listeners for calls of the workload.

use std::collections::BTreeSet;

use super::listener_port;
use crate::decode::Path;
use crate::networking::port::Port;
use crate::networking::sidecar::{CaptureMode, Egress};
use crate::validate::address::{self, UNIX};
use crate::validate::host::{self, HostRules};
use crate::validate::port;
use crate::validate::report::{Report, quote};

/// Checks the listeners of a Sidecar of `namespace`.
pub(super) fn check(listeners: &[Egress], namespace: &str, at: &Path<'_>, out: &mut Report) {
    let (mut ports, mut sockets) = (BTreeSet::new(), BTreeSet::new());
    for (index, listener) in listeners.iter().enumerate() {
        let at = at.index(index);
        hosts(&listener.hosts, namespace, &at.field("hosts"), out);
        let Some(port) = &listener.port else {
            if index + 1 < listeners.len() {
                out.refuse(&at, "a listener without a port must be the last, and the only one");
            }
            continue;
        };
        listener_port(port, &at.field("port"), out);
        bind(listener, port, &at, out);
        let is_new = if port.number == 0 { sockets.insert(&listener.bind) } else { ports.insert(port.number) };
        if !is_new {
            let what = if port.number == 0 { "socket" } else { "port" };
            out.refuse(&at.field("port"), format_args!("another listener has this {what}"));
        }
    }
}

fn bind(listener: &Egress, port: &Port, at: &Path<'_>, out: &mut Report) {
    if port.number != 0 {
        out.need(&at.field("port").field("number"), port::number(port.number));
        if !listener.bind.is_empty() {
            out.need(&at.field("bind"), address::ip(&listener.bind));
        }
        return;
    }
    match listener.bind.strip_prefix(UNIX) {
        Some(path) => out.need(&at.field("bind"), address::unix(path)),
        None => out.refuse(&at.field("port").field("number"), "is required unless bind is a Unix socket"),
    }
    if listener.capture_mode == CaptureMode::Iptables {
        out.refuse(&at.field("captureMode"), "traffic cannot be redirected to a Unix socket");
    }
}

fn hosts(hosts: &[String], namespace: &str, at: &Path<'_>, out: &mut Report) {
    if hosts.is_empty() {
        out.refuse(at, "at least one host is required");
    }
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (index, text) in hosts.iter().enumerate() {
        let at = at.index(index);
        host::scoped(text, &at, &HostRules::Sidecar, out);
        let Some((scope, name)) = text.split_once('/') else { continue };
        let scope = if scope == "." { namespace } else { scope };
        if seen.contains(&(scope, "*")) || !seen.insert((scope, name)) {
            out.warn(&at, format_args!("{} is seen already by an entry before", quote(text)));
        }
    }
    if seen.contains(&("*", "*")) && seen.iter().any(|(scope, _)| *scope != "*" && !scope.starts_with('~')) {
        out.warn(at, "\"*/*\" sees every host, so the other entries have no effect");
    }
}
