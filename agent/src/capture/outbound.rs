//! Rules for outbound connections and for DNS queries.

use super::rules::{DNS_PORT, Table};
use super::{CaptureScope, Family, Mode, list};

/// The chains for outbound connections.
pub(super) fn chains(scope: &CaptureScope, family: Family, nat: &mut Table) {
    for chain in ["ISTIO_REDIRECT", "ISTIO_IN_REDIRECT", "ISTIO_OUTPUT"] {
        nat.chain(chain);
    }
    let (outbound, inbound) = (scope.args.outbound_port, scope.args.inbound_port);
    nat.rule(format!("ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports {outbound}"));
    nat.rule(format!("ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports {inbound}"));
    for interface in list(&scope.args.exclude_interfaces) {
        nat.rule(format!("ISTIO_OUTPUT -o {interface} -j RETURN"));
    }
    for port in list(&scope.args.exclude_outbound) {
        nat.rule(format!("ISTIO_OUTPUT -p tcp --dport {port} -j RETURN"));
    }
    nat.rule(format!("ISTIO_OUTPUT -s {} -o lo -j RETURN", family.past_capture()));
    own(scope, family, nat);
    for resolver in scope.resolvers(family) {
        nat.rule(format!("ISTIO_OUTPUT -d {resolver} -p tcp --dport 53 -j REDIRECT --to-ports {DNS_PORT}"));
    }
    nat.rule(format!("ISTIO_OUTPUT -d {} -j RETURN", family.loopback()));
    for net in scope.excluded(family) {
        nat.rule(format!("ISTIO_OUTPUT -d {net} -j RETURN"));
    }
    for port in list(&scope.args.include_outbound) {
        match port {
            "*" => nat.rule("ISTIO_OUTPUT -p tcp -j ISTIO_REDIRECT"),
            port => nat.rule(format!("ISTIO_OUTPUT -p tcp --dport {port} -j ISTIO_REDIRECT")),
        }
    }
    match scope.included(family) {
        None => nat.rule("ISTIO_OUTPUT -p tcp -j ISTIO_REDIRECT"),
        Some(nets) => nets.iter().for_each(|net| nat.rule(format!("ISTIO_OUTPUT -d {net} -p tcp -j ISTIO_REDIRECT"))),
    }
}

/// Connections of the proxy are not redirected, except those to the pod itself. A service may select its own client as
/// the endpoint, and this connection is inbound. Connections of the application to itself are not redirected.
fn own(scope: &CaptureScope, family: Family, nat: &mut Table) {
    let loopback = family.loopback();
    let enters = scope.args.mode == Mode::Redirect;
    // A query to a resolver on loopback is captured, although it does not leave the pod.
    let dns = if scope.resolvers(family).next().is_some() { " -p tcp ! --dport 53" } else { "" };
    let owners = scope.owners();
    if enters {
        for owner in &owners {
            let call = format!("! -d {loopback} -o lo -p tcp ! --dport 15008 -m owner {owner}");
            nat.rule(format!("ISTIO_OUTPUT {call} -j ISTIO_IN_REDIRECT"));
        }
    }
    let others: Vec<String> = owners.iter().map(|owner| format!("-m owner ! {owner}")).collect();
    nat.rule(format!("ISTIO_OUTPUT -o lo{dns} {} -j RETURN", others.join(" ")));
    for owner in &owners {
        nat.rule(format!("ISTIO_OUTPUT -m owner {owner} -j RETURN"));
    }
}

/// The rules that jump to these chains.
pub(super) fn hooks(scope: &CaptureScope, family: Family, nat: &mut Table) {
    for interface in list(&scope.args.virtual_interfaces) {
        for net in scope.excluded(family) {
            nat.rule(format!("PREROUTING -i {interface} -d {net} -j RETURN"));
        }
        match scope.included(family) {
            None => nat.rule(format!("PREROUTING -i {interface} -p tcp -j ISTIO_REDIRECT")),
            Some(nets) => nets
                .iter()
                .for_each(|net| nat.rule(format!("PREROUTING -i {interface} -d {net} -p tcp -j ISTIO_REDIRECT"))),
        }
    }
    if scope.resolvers(family).next().is_some() {
        nat.chain("ISTIO_DNS");
        for owner in scope.owners() {
            nat.rule(format!("ISTIO_DNS -m owner {owner} -j RETURN"));
        }
        for resolver in scope.resolvers(family) {
            nat.rule(format!("ISTIO_DNS -d {resolver} -p udp -j REDIRECT --to-ports {DNS_PORT}"));
        }
        nat.rule("OUTPUT -p udp --dport 53 -j ISTIO_DNS");
    }
    nat.rule("OUTPUT -p tcp -j ISTIO_OUTPUT");
}

/// The agent queries the same resolvers from other ports, and the application may have chosen the same port. Connection
/// tracking keeps both apart with a zone for each, so that responses reach the right socket.
pub(super) fn zones(scope: &CaptureScope, family: Family) -> Table {
    let mut raw = Table { name: "raw", chains: Vec::new(), rules: Vec::new() };
    if scope.resolvers(family).next().is_none() {
        return raw;
    }
    raw.chain("ISTIO_DNS");
    for owner in scope.owners() {
        raw.rule(format!("ISTIO_DNS -p udp --dport 53 -m owner {owner} -j CT --zone 1"));
        raw.rule(format!("ISTIO_DNS -p udp --sport {DNS_PORT} -m owner {owner} -j CT --zone 2"));
    }
    let mine: Vec<String> = scope.owners().iter().map(|owner| format!("-m owner ! {owner}")).collect();
    for resolver in scope.resolvers(family) {
        raw.rule(format!("ISTIO_DNS -d {resolver} -p udp --dport 53 {} -j CT --zone 2", mine.join(" ")));
        raw.rule(format!("PREROUTING -s {resolver} -p udp --sport 53 -j CT --zone 1"));
    }
    raw.rule("OUTPUT -p udp -j ISTIO_DNS");
    raw
}
