//! What a VirtualService may say.

mod action;
mod hosts;
mod http;
mod matching;
mod reach;
mod tcp;

pub use reach::{Unused, unused};

use super::export::{export_to, somebody};
use super::report::Report;
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::virtual_service::Spec;

/// Marks a VirtualService that was made from a route of the Gateway API, whose names are free.
const SEMANTICS: &str = "internal.istio.io/route-semantics";

/// HTTP routes of all hosts of one VirtualService. Each host has all of them, so a small object could become gigabytes.
pub const MAX_ROUTES: usize = 100_000;

/// What checks of a route need to know of the object around it.
struct VirtualServiceContext<'a> {
    /// The whole spec.
    spec: &'a Spec,
    /// Whether it has no hosts and is reached from another VirtualService.
    is_delegate: bool,
    /// Whether it was made from a route of the Gateway API.
    is_generated: bool,
}

/// Checks the spec at `at`.
pub fn check(spec: &Spec, meta: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    let is_generated = meta.annotations.get(SEMANTICS).is_some_and(|value| value == "gateway");
    let scope = VirtualServiceContext { spec, is_delegate: spec.hosts.is_empty(), is_generated };
    if scope.is_delegate {
        delegate(spec, at, out);
    }
    hosts::gateways(&spec.gateways, is_generated, &at.field("gateways"), out);
    hosts::hosts(&scope, at, out);
    hosts::claims(spec, at, out);
    if spec.http.is_empty() && spec.tls.is_empty() && spec.tcp.is_empty() {
        out.refuse(at, "one of http, tls and tcp is required");
    }
    for (index, route) in spec.http.iter().enumerate() {
        http::route(route, &scope, &at.field("http").index(index), out);
    }
    for (index, route) in spec.tls.iter().enumerate() {
        tcp::tls_route(route, &scope, &at.field("tls").index(index), out);
    }
    for (index, route) in spec.tcp.iter().enumerate() {
        tcp::tcp_route(route, &at.field("tcp").index(index), out);
    }
    export_to(&spec.export_to, &meta.namespace, &at.field("exportTo"), out);
    somebody(&spec.export_to, &at.field("exportTo"), out);
    reach::warn(spec, at, out);
    sizes(spec, at, out);
}

/// Warns of hosts that are left out because all of them have all routes.
fn sizes(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let routes: usize = spec.http.iter().map(|route| route.matches.len().max(1)).sum();
    let most = (MAX_ROUTES / routes.max(1)).max(1);
    if spec.hosts.len() > most {
        let reason = format_args!(
            "{} hosts with {routes} HTTP routes each are more than {MAX_ROUTES} routes; only the first {most} hosts \
             count",
            spec.hosts.len()
        );
        out.warn(&at.field("hosts"), reason);
    }
}

/// A VirtualService without hosts is a delegate, and has HTTP routes only.
fn delegate(spec: &Spec, at: &Path<'_>, out: &mut Report) {
    let parts = [("gateways", spec.gateways.len()), ("tls", spec.tls.len()), ("tcp", spec.tcp.len())];
    for (name, _) in parts.into_iter().filter(|(_, count)| *count > 0) {
        out.refuse(&at.field(name), "must be empty in a delegate, which is a VirtualService without hosts");
    }
}
