//! Few names, hosts, ports and networks, in several spellings, so that objects meet.

use serde_json::{Value, json};

use super::dice::Dice;

const NAMESPACES: &[&str] = &["shop", "ops", "istio-system"];
const NAMES: &[&str] = &["web", "api", "db", "a", "b"];
const HOSTS: &[&str] = &[
    "a.example.com",
    "A.example.com",
    "b.example.com",
    "*.example.com",
    "*.Example.com",
    "*.b.example.com",
    "*.com",
    "example.com",
    "web",
    "web.shop",
    "web.shop.svc",
    "web.shop.svc.cluster.local",
    "WEB.shop.svc.cluster.local",
    "api.ops.svc.cluster.local",
    "db.shop.svc.cluster.local",
    "*.shop.svc.cluster.local",
    "*.local",
    "10.96.0.1",
    "240.240.0.1",
    "a",
];
const PORTS: &[u32] = &[
    80, 80, 443, 443, 8080, 9000, 9000, 3306, 5432, 15000, 15001, 15004, 15006, 15020, 15021, 15053, 15080, 15090,
    16021, 1, 65535,
];
const PROTOCOLS: &[&str] = &["HTTP", "HTTP2", "GRPC", "HTTPS", "TLS", "TCP", "MONGO", "UDP", "TCP", "TLS"];
const SUBNETS: &[&str] = &[
    "10.9.0.0/16",
    "10.9.1.1/16",
    "10.10.0.0/16",
    "10.0.0.0/8",
    "10.96.0.1",
    "10.96.0.1/32",
    "0.0.0.0/0",
    "::/0",
    "fd00::/8",
    "fd00::1/8",
    "::ffff:10.9.0.0/112",
];
const BINDS: &[&str] = &[
    "",
    "",
    "0.0.0.0",
    "::",
    "[::]",
    "0:0::0",
    "::ffff:0.0.0.0",
    "127.0.0.1",
    "::1",
    "0:0::1",
    "::ffff:127.0.0.1",
    "10.1.0.1",
    "10.96.0.1",
    " 127.0.0.1 ",
    "unix:///tmp/x",
    "unix:///tmp/y",
];

/// Name, namespace and age of an object. Ages are often equal.
pub(super) fn meta(dice: &mut Dice) -> Value {
    let (name, namespace) = (dice.pick(NAMES), dice.pick(NAMESPACES));
    let mut meta = json!({"name": name, "namespace": namespace});
    if !dice.once_in(4) {
        meta["creationTimestamp"] = json!(format!("2025-01-0{}T00:00:00Z", 1 + dice.below(4)));
    }
    meta
}

pub(super) fn name(dice: &mut Dice) -> &'static str {
    dice.pick(NAMES)
}

pub(super) fn namespace(dice: &mut Dice) -> &'static str {
    dice.pick(NAMESPACES)
}

pub(super) fn host(dice: &mut Dice) -> &'static str {
    dice.pick(HOSTS)
}

/// Hosts, some of them twice.
pub(super) fn hosts(dice: &mut Dice) -> Vec<&'static str> {
    let mut hosts = dice.some(1, 3, host);
    if dice.once_in(6) {
        hosts.extend(hosts.clone());
    }
    if dice.once_in(8) {
        hosts.push("*");
    }
    hosts
}

pub(super) fn port(dice: &mut Dice) -> u32 {
    dice.pick(PORTS)
}

/// A port of a list, under a name that is often its only one.
pub(super) fn named_port(dice: &mut Dice, at: usize) -> Value {
    let protocol = dice.pick(PROTOCOLS);
    let name = if dice.once_in(6) { protocol.to_lowercase() } else { format!("{}-{at}", protocol.to_lowercase()) };
    json!({"number": port(dice), "name": name, "protocol": protocol})
}

pub(super) fn subnets(dice: &mut Dice) -> Vec<&'static str> {
    dice.some(1, 3, |dice| dice.pick(SUBNETS))
}

pub(super) fn bind(dice: &mut Dice) -> &'static str {
    dice.pick(BINDS)
}

pub(super) fn labels(dice: &mut Dice) -> Value {
    match dice.below(4) {
        0 => json!({"app": "web"}),
        1 => json!({"app": "web", "version": "v1"}),
        2 => json!({"istio": "ingressgateway"}),
        _ => json!({"app": dice.pick(NAMES)}),
    }
}

/// Gateways of a route: the mesh, one of a few, or both.
pub(super) fn gateways(dice: &mut Dice) -> Vec<String> {
    dice.some(1, 2, |dice| match dice.below(4) {
        0 => "mesh".to_owned(),
        1 => name(dice).to_owned(),
        _ => format!("{}/{}", namespace(dice), name(dice)),
    })
}
