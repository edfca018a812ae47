//! Rules for inbound connections.

use super::rules::Table;
use super::{CaptureScope, Family, list};

/// Tunnels of other proxies end at the proxy without redirection.
const TUNNEL_PORT: u16 = 15008;

/// REDIRECT mode: the destination of inbound connections is rewritten.
pub(super) fn redirect(scope: &CaptureScope, nat: &mut Table) {
    if list(&scope.args.include_inbound).next().is_none() {
        return;
    }
    nat.chain("ISTIO_INBOUND");
    nat.rule(format!("ISTIO_INBOUND -p tcp --dport {TUNNEL_PORT} -j RETURN"));
    ports(scope, nat, "ISTIO_IN_REDIRECT");
    for interface in list(&scope.args.exclude_interfaces) {
        nat.rule(format!("PREROUTING -i {interface} -j RETURN"));
    }
    nat.rule("PREROUTING -p tcp -j ISTIO_INBOUND");
}

/// TPROXY mode: inbound connections go to a transparent socket. Packets of an existing connection go to that
/// connection.
pub(super) fn transparent(scope: &CaptureScope, family: Family, mangle: &mut Table) {
    if list(&scope.args.include_inbound).next().is_none() {
        return;
    }
    let (args, loopback) = (&scope.args, family.loopback());
    let (mark, back) = (args.mark, args.mark.wrapping_add(1));
    for chain in ["ISTIO_DIVERT", "ISTIO_TPROXY", "ISTIO_INBOUND"] {
        mangle.chain(chain);
    }
    mangle.rule(format!("ISTIO_DIVERT -j MARK --set-mark {mark}"));
    mangle.rule("ISTIO_DIVERT -j ACCEPT");
    let port = args.inbound_port;
    let tproxy = format!("TPROXY --tproxy-mark {mark}/0xffffffff --on-port {port}");
    mangle.rule(format!("ISTIO_TPROXY ! -d {loopback} -p tcp -j {tproxy}"));
    mangle.rule(format!("ISTIO_INBOUND -p tcp -m mark --mark {mark} -j RETURN"));
    // Traffic between Envoy and the application goes over loopback. It is not inbound.
    mangle.rule(format!("ISTIO_INBOUND -p tcp -s {} -i lo -j RETURN", family.past_capture()));
    mangle.rule(format!("ISTIO_INBOUND -p tcp -i lo -m mark ! --mark {back} -j RETURN"));
    mangle.rule(format!("ISTIO_INBOUND -p tcp --dport {TUNNEL_PORT} -j RETURN"));
    let established = "-m conntrack --ctstate RELATED,ESTABLISHED";
    mangle.rule(format!("ISTIO_INBOUND -p tcp {established} -j ISTIO_DIVERT"));
    ports(scope, mangle, "ISTIO_TPROXY");
    for interface in list(&args.exclude_interfaces) {
        mangle.rule(format!("PREROUTING -i {interface} -j RETURN"));
    }
    mangle.rule("PREROUTING -p tcp -j ISTIO_INBOUND");
    mangle.rule(format!("PREROUTING -p tcp -m mark --mark {mark} -j CONNMARK --save-mark"));
    mangle.chain("ISTIO_OUTPUT");
    // The proxy uses the client's address as its source. The mark of the connection routes its responses back.
    mangle.rule(format!("ISTIO_OUTPUT -p tcp -m connmark --mark {mark} -j CONNMARK --restore-mark"));
    for owner in scope.owners() {
        mangle.rule(format!("ISTIO_OUTPUT ! -d {loopback} -p tcp -o lo -m owner {owner} -j MARK --set-mark {back}"));
    }
    mangle.rule("OUTPUT -p tcp -j ISTIO_OUTPUT");
}

fn ports(scope: &CaptureScope, table: &mut Table, target: &str) {
    if scope.args.include_inbound.trim() == "*" {
        for port in list(&scope.args.exclude_inbound) {
            table.rule(format!("ISTIO_INBOUND -p tcp --dport {port} -j RETURN"));
        }
        table.rule(format!("ISTIO_INBOUND -p tcp -j {target}"));
        return;
    }
    for port in list(&scope.args.include_inbound) {
        table.rule(format!("ISTIO_INBOUND -p tcp --dport {port} -j {target}"));
    }
}
