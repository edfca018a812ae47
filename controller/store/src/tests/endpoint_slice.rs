//! EndpointSlice.

use heddle_model::endpoint::Health;
use serde_json::json;

use super::build::{Builder, clean, endpoints, object, pod, slice, store};

fn web() -> Builder {
    object("Service", "shop/web", "{clusterIP: 10.0.0.1, ports: [{name: http, port: 80, targetPort: 8080}]}")
}

const WEB: &str = "web.shop.svc.cluster.local";

#[test]
fn endpoints_are_joined_with_pods_and_nodes() {
    let node = object("Node", "/n1", "null")
        .label("topology.kubernetes.io/region", "r")
        .label("topology.kubernetes.io/zone", "z")
        .label("topology.istio.io/subzone", "s");
    let pod = pod("shop/web-a", "10.1.0.1").label("version", "v1").label("security.istio.io/tlsMode", "istio");
    let snapshot = clean([web(), slice("shop/web-1", "web", "http:8080", &["10.1.0.1", "10.1.0.2"]), pod, node]);
    let found = endpoints(&snapshot, WEB);
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].port, &*found[0].service_port, found[0].locality.to_string().as_str()),
        (8080, "http", "r/z/s")
    );
    assert_eq!(found[0].identity.as_ref().unwrap().to_string(), "spiffe://cluster.local/ns/shop/sa/web");
    assert!(found[0].mtls && found[0].labels.get("version").is_some());
    assert!(found[1].identity.is_none() && !found[1].mtls, "no pod is known there");
}

#[test]
fn conditions_tell_health() {
    let conditions = json!([
        {"addresses": ["10.0.0.1"]},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": false}},
        {"addresses": ["10.0.0.3"], "conditions": {"ready": false, "serving": true, "terminating": true}},
        {"addresses": ["10.0.0.4"], "conditions": {"ready": false, "serving": false, "terminating": true}},
    ]);
    let slice = slice("shop/web-1", "web", "http:1", &[]).with("endpoints", conditions);
    let snapshot = clean([web(), slice]);
    let health: Vec<_> = endpoints(&snapshot, WEB).iter().map(|e| e.health).collect();
    assert_eq!(
        health,
        [Health::Healthy, Health::Unhealthy, Health::Draining],
        "what ends and serves no more is left out"
    );
}

#[test]
fn each_event_concerns_its_own_service_in_any_order() {
    let mut store = store();
    store.apply(slice("shop/web-1", "web", "http:8080", &["10.1.0.1"]).apply());
    store.apply(web().apply());
    assert_eq!(endpoints(&store.commit(), WEB).len(), 1);
    store.apply(pod("shop/web-a", "10.1.0.1").apply());
    assert!(endpoints(&store.commit(), WEB)[0].identity.is_some());
    let other = slice("shop/web-2", "web", "http:8080", &["10.1.0.2"]);
    store.apply(other.clone().apply());
    assert_eq!(endpoints(&store.commit(), WEB).len(), 2);
    store.apply(other.delete());
    store.apply(pod("shop/web-a", "10.1.0.1").delete());
    let snapshot = store.commit();
    assert_eq!(endpoints(&snapshot, WEB).len(), 1);
    assert!(endpoints(&snapshot, WEB)[0].identity.is_none());
    store.apply(slice("shop/web-1", "elsewhere", "http:8080", &["10.1.0.1"]).apply());
    assert!(endpoints(&store.commit(), WEB).is_empty());
}

#[test]
fn headless_pods_have_names() {
    let service = object("Service", "shop/db", "{clusterIP: None, ports: [{name: tcp, port: 5432}]}");
    let pod =
        object("Pod", "shop/db-0", "{hostname: db-0, subdomain: db}").with("status", json!({"podIP": "10.1.0.1"}));
    let snapshot = clean([service, pod, slice("shop/db-1", "db", "tcp:5432", &["10.1.0.1"])]);
    assert_eq!(endpoints(&snapshot, "db.shop.svc.cluster.local")[0].hostname.as_deref(), Some("db-0.db"));
}
