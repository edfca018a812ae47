//! Pod, Node and Namespace.

use serde_json::json;

use super::build::{clean, object, pod};

#[test]
fn pods_are_found_by_address_and_name() {
    let owned = pod("shop/web-7f-x", "10.1.0.1")
        .label("pod-template-hash", "7f")
        .label("istio-locality", "r.z.s")
        .label("topology.istio.io/network", "n");
    let mut owned = owned;
    owned = owned.with("metadata", {
        json!({"namespace": "shop", "name": "web-7f-x", "labels": {"pod-template-hash": "7f", "istio-locality": "r.z.s",
            "topology.istio.io/network": "n"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7f", "controller": true}]})
    });
    let snapshot = clean([owned, object("Namespace", "/shop", "null").label("istio-injection", "enabled")]);
    let found = snapshot.workloads.at("10.1.0.1".parse().unwrap()).unwrap();
    assert_eq!(*found.workload_name, *"web");
    assert_eq!((found.locality.to_string().as_str(), &*found.network), ("r/z/s", "n"));
    assert!(found.ready && snapshot.workloads.named("shop", "web-7f-x").is_some());
    assert!(snapshot.namespaces["shop"].get("istio-injection").is_some());
}

#[test]
fn finished_pods_give_their_address_back() {
    let done = pod("shop/job", "10.1.0.1").with("status", json!({"phase": "Succeeded", "podIP": "10.1.0.1"}));
    let snapshot = clean([done, pod("shop/web", "10.1.0.1"), pod("shop/pending", "")]);
    assert_eq!(snapshot.workloads.iter().count(), 1);
    assert_eq!(&**snapshot.workloads.at("10.1.0.1".parse().unwrap()).unwrap().origin.name(), "web");
}
