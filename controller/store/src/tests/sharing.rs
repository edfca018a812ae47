//! What does not change keeps its pointer.

use std::sync::Arc;

use heddle_model::{object::Kind, snapshot::Snapshot};
use serde_json::json;

use super::build::{Builder, found, object, pod, slice, store};
use crate::{Event, Settings, SourceId, Store};

fn world() -> Vec<Builder> {
    vec![
        object("Service", "shop/web", "{clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}"),
        object("Service", "shop/db", "{clusterIP: 10.0.0.2, ports: [{name: tcp, port: 80}]}"),
        slice("shop/web-1", "web", "http:80", &["10.1.0.1"]),
        pod("shop/web-a", "10.1.0.1"),
        object("ServiceEntry", "shop/x", "{hosts: [x.com], resolution: DNS, ports: [{number: 80, name: a}]}"),
        object("VirtualService", "shop/web", "{hosts: [web], http: [{delegate: {name: d}}]}"),
        object("VirtualService", "shop/d", "{http: [{route: [{destination: {host: web}}]}]}"),
        object("DestinationRule", "shop/web", "{host: web}"),
        object("DestinationRule", "shop/web2", "{host: web, subsets: [{name: v1}]}"),
        object("Gateway", "shop/gw", "{servers: [{port: {number: 80, protocol: HTTP}, hosts: ['*']}]}"),
        object("Sidecar", "shop/s", "{egress: [{hosts: ['*/*']}]}"),
        object("PeerAuthentication", "shop/p", "{mtls: {mode: STRICT}}"),
        object("Namespace", "/shop", "null"),
    ]
}

fn load(objects: Vec<Builder>) -> (Store, Arc<Snapshot>) {
    let mut store = store();
    for object in objects {
        store.apply(object.apply());
    }
    let snapshot = store.commit();
    (store, snapshot)
}

#[test]
fn the_same_objects_again_are_the_same_snapshot() {
    let (mut store, before) = load(world());
    assert!(Arc::ptr_eq(&before, &store.commit()));
    for object in world() {
        assert_eq!(store.apply(object.apply()), []);
    }
    assert!(Arc::ptr_eq(&before, &store.commit()));
    let pods = world().into_iter().filter(|o| o.key().kind == Kind::Pod).map(Builder::build).collect();
    store.apply(Event::Relist(SourceId::Files, Kind::Pod, pods));
    assert!(Arc::ptr_eq(&before, &store.commit()));
}

#[test]
fn a_change_there_and_back_shares_the_rest() {
    let (mut store, before) = load(world());
    store.apply(object("VirtualService", "shop/d", "{http: [{route: [{destination: {host: db}}]}]}").apply());
    let after = store.commit();
    assert!(!Arc::ptr_eq(&before.virtual_services, &after.virtual_services));
    let restored = Snapshot { virtual_services: before.virtual_services.clone(), ..(*after).clone() };
    assert!(before.has_parts_of(&restored), "all other parts are shared");
    store.apply(slice("shop/web-1", "web", "http:80", &["10.1.0.9"]).apply());
    let last = store.commit();
    let moved: std::collections::BTreeSet<_> = last.endpoints.differing(&after.endpoints).into_iter().collect();
    assert_eq!(moved.len(), 1);
    let restored = Snapshot { endpoints: after.endpoints.clone(), ..(*last).clone() };
    assert!(after.has_parts_of(&restored), "all other parts are shared");
}

#[test]
fn a_relist_deletes_what_is_missing() {
    let (mut store, before) = load(world());
    store.apply(Event::Relist(SourceId::Files, Kind::Service, Vec::new()));
    let after = store.commit();
    assert_eq!((before.services.len(), after.services.len()), (3, 1));
    assert_eq!(after.endpoints.iter().count(), 1);
}

#[test]
fn an_object_that_cannot_be_read_keeps_its_last_version() {
    let mut store = store();
    store.apply(object("VirtualService", "shop/web", "{hosts: [web]}").apply());
    let before = store.commit();
    let bad = object("VirtualService", "shop/web", "{hosts: {a: b}}");
    assert_eq!(found(&store.apply(bad.clone().apply())), ["spec.hosts Malformed"]);
    let after = store.commit();
    assert!(Arc::ptr_eq(&before.virtual_services, &after.virtual_services));
    assert_eq!(found(&after.issues), ["spec.hosts Malformed"]);
    store.apply(object("VirtualService", "shop/web", "{hosts: [web]}").apply());
    assert_eq!(*store.commit().issues, []);
    store.apply(bad.clone().apply());
    store.apply(bad.delete());
    let gone = store.commit();
    assert!(gone.virtual_services.is_empty() && gone.issues.is_empty());
}

#[test]
fn what_cannot_be_read_stays_on_show_when_others_change() {
    let mut store = store();
    let pod = pod("shop/web-a", "10.1.0.1");
    store.apply(pod.clone().apply());
    store.apply(pod.with("spec", json!({"containers": 1})).apply());
    assert_eq!(found(&store.commit().issues), ["spec.containers Malformed"]);
    let mesh = object("ConfigMap", "istio-system/istio", "null").with("data", json!({"mesh": "trustDomain: x.y"}));
    for other in [mesh, object("Node", "/n1", "null").label("topology.kubernetes.io/region", "eu")] {
        store.apply(other.apply());
        assert_eq!(found(&store.commit().issues), ["spec.containers Malformed"]);
    }
}

#[test]
fn objects_of_other_revisions_are_not_ours() {
    let vs = || object("VirtualService", "shop/web", "{hosts: [web]}");
    let mut store = store();
    store.apply(vs().label("istio.io/rev", "canary").apply());
    assert!(store.commit().virtual_services.is_empty());
    store.apply(vs().label("istio.io/rev", "default").apply());
    assert_eq!(store.commit().virtual_services.len(), 1);
    store.apply(vs().label("istio.io/rev", "canary").apply());
    assert!(store.commit().virtual_services.is_empty());
}

#[test]
fn a_snapshot_is_synced_after_the_last_kind() {
    let expected = [Kind::Pod, Kind::Service].map(|kind| (SourceId::Files, kind)).into();
    let mut store = Store::new(Settings { expected, ..Settings::default() });
    store.apply(Event::Synced(SourceId::Files, Kind::Pod));
    assert!(!store.commit().synced);
    store.apply(Event::Synced(SourceId::Files, Kind::Service));
    assert!(store.commit().synced);
}
