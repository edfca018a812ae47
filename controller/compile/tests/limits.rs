//! What a small object multiplies to is bounded: a wildcard covers all services, or all hosts of a gateway, and each
//! has all HTTP routes.
#![allow(clippy::unwrap_used)] // a test's report

use std::sync::Arc;

use heddle_compile::{Compiler, Session};
use heddle_model::{node, snapshot::Snapshot};
use heddle_store::{Event, Settings, SourceId, Store, documents};
use heddle_xds_api::{
    ResourceSet, TypeUrl,
    envoy::config::route::v3::{RouteConfiguration, VirtualHost},
};
use serde_json::json;

const SERVICES: usize = 30;
/// With these, 20 of the services have routes.
const MATCHES: usize = 5000;
const SIDECAR: &str = "sidecar~10.0.0.9~one.a~a.svc.cluster.local";
const ROUTER: &str = "router~10.0.0.8~edge.a~a.svc.cluster.local";

fn object(kind: &str, name: &str, spec: &serde_json::Value) -> String {
    let meta = json!({"name": name, "namespace": "a"});
    json!({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}).to_string()
}

fn service(number: usize) -> String {
    let port = json!({"number": 80, "name": "http", "protocol": "HTTP"});
    let spec = json!({"hosts": [format!("s{number}.test")], "resolution": "STATIC", "ports": [port],
        "endpoints": [{"address": "10.0.0.1"}]});
    object("ServiceEntry", &format!("s{number:02}"), &spec)
}

/// Routes of all hosts below `test`, for sidecars and for the gateway.
fn routes(matches: usize) -> String {
    let conditions: Vec<_> = (0..matches).map(|n| json!({"headers": {format!("h{n}"): {"exact": "v"}}})).collect();
    let spec = json!({"hosts": ["*.test"], "gateways": ["mesh", "edge"],
        "http": [{"match": conditions, "directResponse": {"status": 403}}]});
    object("VirtualService", "all", &spec)
}

fn gateway() -> String {
    let port = json!({"number": 80, "name": "http", "protocol": "HTTP"});
    let hosts: Vec<String> = (0..SERVICES).map(|number| format!("s{number}.test")).collect();
    object("Gateway", "edge", &json!({"selector": {"istio": "edge"}, "servers": [{"port": port, "hosts": hosts}]}))
}

fn apply(store: &mut Store, text: &str) -> Arc<Snapshot> {
    for object in documents(text.as_bytes()).0 {
        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    }
    store.commit()
}

fn open(compiler: &Compiler, id: &str) -> Session {
    let node = json!({"id": id, "metadata": {"NAMESPACE": "a", "LABELS": {"istio": "edge"}}});
    compiler.open(&Arc::new(node::proxy(&node).unwrap()))
}

/// The virtual hosts of services that have the routes, by name.
fn routed(set: &ResourceSet) -> Vec<String> {
    let configurations = set.typed(TypeUrl::Route);
    let hosts = configurations.iter().flat_map(|one| one.decode::<RouteConfiguration>().unwrap().virtual_hosts);
    let is_routed = |host: &VirtualHost| host.routes.len() >= MATCHES;
    hosts.filter(is_routed).map(|host| host.name).collect()
}

fn reasons(compiler: &Compiler) -> Vec<&'static str> {
    let mut reasons: Vec<_> = compiler.issues().into_iter().map(|issue| issue.reason).collect();
    reasons.dedup();
    reasons
}

#[test]
fn the_oldest_services_have_the_routes_of_a_wildcard() {
    let mut store = Store::new(Settings::default());
    let services: Vec<_> = (0..SERVICES).map(service).collect();
    let small = apply(&mut store, &(services.join("\n---\n") + "\n---\n" + &routes(1)));
    let compiler = Compiler::default();
    let mut session = open(&compiler, SIDECAR);
    compiler.update(&mut session, &small);
    assert_eq!(reasons(&compiler), [""; 0]);
    // An edit that makes the routes many is followed as if it were compiled from nothing.
    let large = apply(&mut store, &routes(MATCHES));
    let hosts = routed(&compiler.update(&mut session, &large));
    assert_eq!(hosts.len(), 20);
    assert!(hosts.contains(&"s0.test:80".to_owned()) && !hosts.contains(&"s25.test:80".to_owned()), "{hosts:?}");
    assert_eq!(reasons(&compiler), ["TooManyRoutes"]);
    let few = apply(&mut store, &routes(1));
    compiler.update(&mut session, &few);
    assert_eq!(reasons(&compiler), [""; 0]);
}

#[test]
fn the_first_hosts_of_a_gateway_have_the_routes_of_a_wildcard() {
    let mut store = Store::new(Settings::default());
    let snapshot = apply(&mut store, &(gateway() + "\n---\n" + &routes(MATCHES)));
    let compiler = Compiler::default();
    let mut session = open(&compiler, ROUTER);
    assert_eq!(routed(&compiler.update(&mut session, &snapshot)).len(), 20);
    assert_eq!(reasons(&compiler), ["TooManyRoutes"]);
}
