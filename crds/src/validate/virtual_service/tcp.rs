//! Routes of TLS and TCP connections.

use super::{VirtualServiceContext, hosts, http, matching};
use crate::decode::Path;
use crate::networking::virtual_service::{L4Match, RouteDestination, TcpRoute, TlsMatch, TlsRoute};
use crate::validate::label::labels;
use crate::validate::report::{Report, quote};
use crate::validate::{DEPRECATED, address, host, port};

/// Checks a route of TLS connections.
pub(super) fn tls_route(route: &TlsRoute, scope: &VirtualServiceContext<'_>, at: &Path<'_>, out: &mut Report) {
    if route.matches.is_empty() {
        out.refuse(&at.field("match"), "at least one condition is required");
    }
    for (index, matching) in route.matches.iter().enumerate() {
        tls_match(matching, scope, &at.field("match").index(index), out);
    }
    destinations(&route.route, &at.field("route"), out);
}

/// Checks a route of TCP connections.
pub(super) fn tcp_route(route: &TcpRoute, at: &Path<'_>, out: &mut Report) {
    for (index, matching) in route.matches.iter().enumerate() {
        tcp_match(matching, &at.field("match").index(index), out);
    }
    destinations(&route.route, &at.field("route"), out);
}

fn destinations(routes: &[RouteDestination], at: &Path<'_>, out: &mut Report) {
    if routes.is_empty() {
        out.refuse(at, "at least one destination is required");
    }
    for (index, route) in routes.iter().enumerate() {
        http::destination(route.destination.as_ref(), false, &at.index(index).field("destination"), out);
    }
    http::weights(routes.iter().map(|route| route.weight), at, out);
}

fn tls_match(condition: &TlsMatch, scope: &VirtualServiceContext<'_>, at: &Path<'_>, out: &mut Report) {
    if condition.sni_hosts.is_empty() {
        out.refuse(&at.field("sniHosts"), "at least one is required");
    }
    for (index, name) in condition.sni_hosts.iter().enumerate() {
        sni_host(name, &scope.spec.hosts, &at.field("sniHosts").index(index), out);
    }
    subnets(&condition.destination_subnets, &at.field("destinationSubnets"), out);
    out.need(&at.field("port"), port::optional(condition.port));
    labels(&condition.source_labels, &at.field("sourceLabels"), out);
    hosts::gateways(&condition.gateways, scope.is_generated, &at.field("gateways"), out);
    matching::namespace(&condition.source_namespace, &at.field("sourceNamespace"), out);
}

fn tcp_match(condition: &L4Match, at: &Path<'_>, out: &mut Report) {
    subnets(&condition.destination_subnets, &at.field("destinationSubnets"), out);
    out.need(&at.field("port"), port::optional(condition.port));
    labels(&condition.source_labels, &at.field("sourceLabels"), out);
    hosts::gateways(&condition.gateways, false, &at.field("gateways"), out);
    matching::namespace(&condition.source_namespace, &at.field("sourceNamespace"), out);
    if !condition.source_subnet.is_empty() {
        out.warn(&at.field("sourceSubnet"), DEPRECATED);
    }
}

/// A server name must lie within the hosts of the object.
fn sni_host(name: &str, hosts: &[String], at: &Path<'_>, out: &mut Report) {
    if address::ip(name).is_ok() {
        let reason = format_args!("{} is an address, which clients do not send as a server name", quote(name));
        return out.warn(at, reason);
    }
    if let Err(reason) = hosts::sni_or_wildcard(name, true) {
        return out.refuse(at, reason);
    }
    if let Err(reason) = host::whole_wildcard(name) {
        out.warn(at, format_args!("{reason}; it is left out"));
    }
    if !hosts.iter().any(|outer| host::is_subset(name, outer)) {
        out.refuse(at, format_args!("{} is not among the hosts of this object", quote(name)));
    }
}

fn subnets(subnets: &[String], at: &Path<'_>, out: &mut Report) {
    for (index, subnet) in subnets.iter().enumerate() {
        out.need(&at.index(index), address::subnet(subnet));
    }
}
