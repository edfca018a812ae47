//! Conflicts between objects.
//!
//! The API server and the webhook validate one object at a time, because other objects come and go. So these are
//! warnings. They tell what the mesh does: if two objects claim the same, the older object wins.

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::{Severity, Violation, quote};
use crate::decode::decode;
use crate::kind::IstioKind;
use crate::metadata::ObjectMeta;
use crate::networking::{destination_rule, gateway, service_entry, sidecar, virtual_service};

/// The most warnings. A thousand objects in a folder may all claim one host.
const MOST: usize = 200;

/// Something that only one object can have.
struct Claim {
    /// What is claimed, for the message.
    what: String,
    /// Two claims with equal content have no conflict, unless the content is empty.
    content: String,
    path: String,
}

/// Compares objects that are valid by themselves. Each warning has the index of its object in the list. It belongs to
/// the later object, and names the earlier one.
#[must_use]
pub fn conflicts(objects: &[&Value]) -> Vec<(usize, Violation)> {
    let mut first: BTreeMap<String, (usize, String, String)> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let Some((kind, meta)) = named(object) else { continue };
        for claim in claims(kind, &meta, &object["spec"]) {
            let Claim { what, content, path } = claim;
            let owner = format!("{kind} {}/{}", meta.namespace, meta.name);
            let Some((other, had, holder)) = first.get(&what) else {
                first.insert(what, (index, content, owner));
                continue;
            };
            let is_same = !content.is_empty() && content == *had;
            if *other != index && *holder != owner && !is_same && found.len() < MOST {
                let reason = format!("{holder} also has {what}; the older object wins");
                found.push((index, Violation { path, reason, severity: Severity::Warning }));
            }
        }
    }
    found
}

fn named(object: &Value) -> Option<(IstioKind, ObjectMeta)> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut meta: ObjectMeta = decode(object.get("metadata")?).ok()?.spec;
    if meta.namespace.is_empty() {
        "default".clone_into(&mut meta.namespace);
    }
    Some((IstioKind::of(text("apiVersion"), text("kind"))?, meta))
}

fn claims(kind: IstioKind, meta: &ObjectMeta, spec: &Value) -> Vec<Claim> {
    match kind {
        IstioKind::VirtualService => decode(spec).map(|read| virtual_service(&read.spec, meta)),
        IstioKind::DestinationRule => decode(spec).map(|read| destination_rule(&read.spec, meta)),
        IstioKind::Gateway => decode(spec).map(|read| gateway(&read.spec)),
        IstioKind::ServiceEntry => decode(spec).map(|read| service_entry(&read.spec, meta)),
        IstioKind::Sidecar => decode(spec).map(|read: crate::Decoded<sidecar::Spec>| {
            let labels = read.spec.workload_selector.map(|selector| selector.labels).unwrap_or_default();
            vec![selected("Sidecar", &meta.namespace, &labels)]
        }),
        IstioKind::PeerAuthentication | IstioKind::ProxyConfig => {
            let labels = &spec["selector"]["matchLabels"];
            let labels = labels.as_object().into_iter().flatten();
            let labels = labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
            Ok(vec![selected(kind.name(), &meta.namespace, &labels.collect())])
        }
        _ => Ok(Vec::new()),
    }
    .unwrap_or_default()
}

/// Of objects that hold for a whole namespace, or for the same workloads, one is obeyed.
fn selected(kind: &str, namespace: &str, labels: &BTreeMap<String, String>) -> Claim {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let of = if labels.is_empty() { "all workloads".to_owned() } else { format!("the workloads {}", labels.join(",")) };
    Claim { what: format!("the {kind} of {of} in {namespace}"), content: String::new(), path: "spec".to_owned() }
}

/// At gateways VirtualServices of one host are merged; in the mesh they are not.
fn virtual_service(spec: &virtual_service::Spec, meta: &ObjectMeta) -> Vec<Claim> {
    if !spec.gateways.is_empty() && !spec.gateways.iter().any(|gateway| gateway == "mesh") {
        return Vec::new();
    }
    let seen_by = if spec.export_to == ["."] { format!(" within {}", meta.namespace) } else { String::new() };
    let claim = |(index, host): (usize, &String)| Claim {
        what: format!("the host {}{seen_by}", quote(&full(host, &meta.namespace))),
        content: String::new(),
        path: format!("spec.hosts[{index}]"),
    };
    spec.hosts.iter().enumerate().map(claim).collect()
}

/// Rules of one host are merged: what both say counts once.
fn destination_rule(spec: &destination_rule::Spec, meta: &ObjectMeta) -> Vec<Claim> {
    if spec.workload_selector.is_some() {
        return Vec::new();
    }
    let host = quote(&full(&spec.host, &meta.namespace));
    let claim = |what: String, path: String| Claim { what, content: String::new(), path };
    let subset = |(index, subset): (usize, &destination_rule::Subset)| {
        let what = format!("the subset {} of {host} for {}", quote(&subset.name), meta.namespace);
        claim(what, format!("spec.subsets[{index}]"))
    };
    let policy = spec.traffic_policy.as_ref().map(|_| {
        claim(format!("the traffic policy of {host} for {}", meta.namespace), "spec.trafficPolicy".to_owned())
    });
    spec.subsets.iter().enumerate().map(subset).chain(policy).collect()
}

/// A port of a gateway has one protocol, and a host on it one server.
fn gateway(spec: &gateway::Spec) -> Vec<Claim> {
    let labels: Vec<String> = spec.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut claims = Vec::new();
    for (index, server) in spec.servers.iter().enumerate() {
        let Some(port) = &server.port else { continue };
        let place = format!("port {} {}of the gateways {}", port.number, bound(&server.bind), labels.join(","));
        let (path, protocol) = (format!("spec.servers[{index}]"), port.protocol.to_ascii_uppercase());
        let kind = if protocol == "TLS" { "HTTPS" } else { &protocol };
        claims.push(Claim { what: place.clone(), content: kind.to_owned(), path: format!("{path}.port") });
        for (number, host) in server.hosts.iter().enumerate() {
            let what = format!("the host {} on {place}", quote(host));
            claims.push(Claim { what, content: String::new(), path: format!("{path}.hosts[{number}]") });
        }
    }
    claims
}

fn bound(address: &str) -> String {
    if address.is_empty() { String::new() } else { format!("at {address} ") }
}

/// Services of one name are merged, but a port has one protocol.
fn service_entry(spec: &service_entry::Spec, meta: &ObjectMeta) -> Vec<Claim> {
    let mut claims = Vec::new();
    for host in &spec.hosts {
        for (index, port) in spec.ports.iter().enumerate() {
            claims.push(Claim {
                what: format!("port {} of the service {} for {}", port.number, quote(host), meta.namespace),
                content: format!("is {}", port.protocol.to_ascii_uppercase()),
                path: format!("spec.ports[{index}]"),
            });
        }
    }
    claims
}

/// A short name is that of a service of the object's namespace.
fn full(host: &str, namespace: &str) -> String {
    if host.contains(['.', '*']) { host.to_owned() } else { format!("{host}.{namespace}.svc.cluster.local") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: IstioKind, name: &str, spec: &Value) -> Value {
        let (info, meta) = (kind.info(), json!({"name": name, "namespace": "shop"}));
        let version = format!("{}/{}", info.group, info.storage);
        json!({"apiVersion": version, "kind": kind.name(), "metadata": meta, "spec": spec})
    }

    /// The paths of the conflicts between two objects.
    fn beside(kind: IstioKind, first: &Value, second: &Value) -> Vec<String> {
        let (first, second) = (of(kind, "a", first), of(kind, "b", second));
        let found = conflicts(&[&first, &second]);
        assert!(
            found.iter().all(|(index, found)| *index == 1 && found.reason.contains("shop/a also has ")),
            "{found:?}"
        );
        found.into_iter().map(|(_, violation)| violation.path).collect()
    }

    #[test]
    fn two_routes_of_a_host_collide_in_the_mesh_only() {
        let short = json!({"hosts": ["other.com", "web"]});
        let long = json!({"hosts": ["web.shop.svc.cluster.local"], "gateways": ["edge", "mesh"]});
        assert_eq!(beside(IstioKind::VirtualService, &short, &long), ["spec.hosts[0]"]);
        let edge = json!({"hosts": ["web.shop.svc.cluster.local"], "gateways": ["edge"]});
        assert_eq!(beside(IstioKind::VirtualService, &short, &edge), [""; 0]);
        assert_eq!(beside(IstioKind::VirtualService, &json!({"http": []}), &json!({"http": []})), [""; 0]);
    }

    #[test]
    fn rules_of_a_host_are_merged_but_for_what_both_say() {
        let rule = |subset: &str| json!({"host": "web", "subsets": [{"name": subset}]});
        assert_eq!(beside(IstioKind::DestinationRule, &rule("v1"), &rule("v2")), [""; 0]);
        assert_eq!(beside(IstioKind::DestinationRule, &rule("v1"), &rule("v1")), ["spec.subsets[0]"]);
        let policy = json!({"host": "web", "trafficPolicy": {}});
        assert_eq!(beside(IstioKind::DestinationRule, &policy, &policy), ["spec.trafficPolicy"]);
    }

    #[test]
    fn a_port_of_a_gateway_has_one_protocol_and_a_host_once() {
        let of = |protocol: &str, host: &str| {
            let port = json!({"number": 443, "protocol": protocol, "name": "x"});
            json!({"selector": {"istio": "edge"}, "servers": [{"port": port, "hosts": [host]}]})
        };
        assert_eq!(beside(IstioKind::Gateway, &of("HTTPS", "a.com"), &of("TLS", "b.com")), [""; 0]);
        assert_eq!(beside(IstioKind::Gateway, &of("HTTPS", "a.com"), &of("HTTP", "b.com")), ["spec.servers[0].port"]);
        assert_eq!(
            beside(IstioKind::Gateway, &of("HTTP", "a.com"), &of("HTTP", "a.com")),
            ["spec.servers[0].hosts[0]"]
        );
    }

    #[test]
    fn one_object_holds_for_a_workload() {
        for kind in [IstioKind::Sidecar, IstioKind::PeerAuthentication, IstioKind::ProxyConfig] {
            assert_eq!(beside(kind, &json!({}), &json!({})), ["spec"], "{kind}");
        }
        let selected = |app: &str| json!({"selector": {"matchLabels": {"app": app}}});
        assert_eq!(beside(IstioKind::PeerAuthentication, &selected("a"), &selected("b")), [""; 0]);
    }

    #[test]
    fn services_of_a_name_are_merged_but_for_protocols() {
        let of =
            |protocol: &str| json!({"hosts": ["a.com"], "ports": [{"number": 80, "name": "x", "protocol": protocol}]});
        assert_eq!(beside(IstioKind::ServiceEntry, &of("HTTP"), &of("HTTP")), [""; 0]);
        assert_eq!(beside(IstioKind::ServiceEntry, &of("HTTP"), &of("TCP")), ["spec.ports[0]"]);
    }
}
