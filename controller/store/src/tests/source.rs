//! Sources speak for themselves, and objects are told apart by group, kind and cluster.

use std::sync::Arc;

use heddle_model::{
    Text,
    issue::{Issue, Severity},
    object::{Kind, ObjectRef},
};
use serde_json::json;

use super::build::{Builder, endpoints, found, object, pod, slice, snapshot, store};
use crate::{
    Event, Object, Settings, SourceId, Spec, Store, custom_kind,
    object::{Meta, Reading},
};

fn west() -> SourceId {
    SourceId::ApiServer("west".into())
}

fn own() -> SourceId {
    SourceId::ApiServer(Text::default())
}

/// The object as a source reads it.
fn from(source: &SourceId, object: &Builder) -> Object {
    let cluster = match source {
        SourceId::Files => Text::default(),
        SourceId::ApiServer(cluster) => cluster.clone(),
    };
    match Object::read_in(&cluster, object.value()) {
        Reading::Object(object) => *object,
        other => panic!("{other:?}"),
    }
}

fn apply(source: &SourceId, object: &Builder) -> Event {
    Event::Apply(source.clone(), Box::new(from(source, object)))
}

fn delete(source: &SourceId, object: &Builder) -> Event {
    Event::Delete(source.clone(), from(source, object).key)
}

/// A service with one endpoint at an address.
fn web(address: &str) -> [Builder; 3] {
    [
        object("Service", "shop/web", "{selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}"),
        slice("shop/web-1", "web", "http:8080", &[address]),
        pod("shop/web-a", address),
    ]
}

fn address(store: &mut Store) -> String {
    let snapshot = store.commit();
    let named = snapshot.workloads.named("shop", "web-a").unwrap();
    let found = endpoints(&snapshot, "web.shop.svc.cluster.local");
    assert_eq!((found.len(), &*found[0].address.text()), (1, &*named.addresses[0].to_string()));
    found[0].address.text().to_string()
}

#[test]
fn a_source_deletes_only_what_it_gave() {
    for (first, other) in [(own(), west()), (SourceId::Files, own())] {
        let mut store = store();
        for (source, ip) in [(&first, "10.0.0.1"), (&other, "10.9.0.1")] {
            for object in web(ip) {
                store.apply(apply(source, &object));
            }
        }
        assert_eq!(address(&mut store), "10.0.0.1");
        for object in web("10.9.0.1") {
            store.apply(delete(&other, &object));
        }
        assert_eq!(address(&mut store), "10.0.0.1", "deleted by {other:?}");
        for object in web("10.9.0.1") {
            store.apply(apply(&other, &object));
        }
        for kind in [Kind::Service, Kind::EndpointSlice, Kind::Pod] {
            store.apply(Event::Relist(other.clone(), kind, Vec::new()));
        }
        assert_eq!(address(&mut store), "10.0.0.1", "listed anew by {other:?}");
    }
}

#[test]
fn what_another_source_gave_comes_into_force_when_the_first_is_gone() {
    for (first, other) in [(own(), west()), (SourceId::Files, own())] {
        let mut store = store();
        for (source, ip) in [(&other, "10.9.0.1"), (&first, "10.0.0.1")] {
            for object in web(ip) {
                store.apply(apply(source, &object));
            }
        }
        assert_eq!(address(&mut store), "10.0.0.1", "whatever the order of events");
        for object in web("10.0.0.1") {
            store.apply(delete(&first, &object));
        }
        assert_eq!(address(&mut store), "10.9.0.1");
        for kind in [Kind::Service, Kind::EndpointSlice, Kind::Pod] {
            store.apply(Event::Relist(other.clone(), kind, Vec::new()));
        }
        let snapshot = store.commit();
        assert!(snapshot.services.is_empty() && snapshot.workloads.named("shop", "web-a").is_none());
        assert_eq!(store.objects().count(), 0);
    }
}

#[test]
fn settings_are_those_of_the_own_cluster() {
    let map = object("ConfigMap", "istio-system/istio", "null").with("data", json!({"mesh": "trustDomain: a.b"}));
    let mut store = store();
    store.apply(apply(&west(), &map));
    assert_eq!(&*store.commit().mesh.trust_domain, "cluster.local");
    store.apply(apply(&own(), &map));
    assert_eq!(&*store.commit().mesh.trust_domain, "a.b");
    store.apply(delete(&west(), &map));
    assert_eq!(&*store.commit().mesh.trust_domain, "a.b");
}

#[test]
fn each_source_is_waited_for() {
    let expected = [(own(), Kind::Pod), (west(), Kind::Pod)].into();
    let mut store = Store::new(Settings { expected, ..Settings::default() });
    store.apply(Event::Synced(own(), Kind::Pod));
    assert!(!store.commit().synced);
    store.apply(Event::Synced(west(), Kind::Pod));
    assert!(store.commit().synced);
}

/// An object of which nothing can be read, as another reader of its kind would give it.
fn unread(reference: ObjectRef) -> Object {
    let key = Arc::new(reference);
    let issues = vec![Issue::error(&key, "spec", "Malformed", "it cannot be read")];
    Object { key, meta: Meta::default(), spec: Spec::Malformed, issues }
}

#[test]
fn kinds_of_one_name_are_told_apart_by_their_group() {
    let gateway = object("Gateway", "shop/web", "{servers: []}");
    let mut store = store();
    store.apply(apply(&own(), &gateway));
    let kubernetes = unread(ObjectRef::new(Kind::KubernetesGateway, "shop", "web"));
    assert_eq!(kubernetes.key.to_string(), gateway.key().to_string());
    store.apply(Event::Apply(own(), Box::new(kubernetes.clone())));
    let snapshot = store.commit();
    assert_eq!((snapshot.gateways.len(), &*snapshot.issues), (1, &kubernetes.issues));
    store.apply(Event::Delete(own(), kubernetes.key.clone()));
    assert_eq!((store.commit().gateways.len(), store.commit().issues.len()), (1, 0));
    store.apply(Event::Apply(own(), Box::new(kubernetes.clone())));
    store.apply(Event::Relist(own(), Kind::Gateway, Vec::new()));
    let snapshot = store.commit();
    assert_eq!((snapshot.gateways.len(), &*snapshot.issues), (0, &kubernetes.issues));
    // What is of another group is of no kind that is read.
    let knative = json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "web"}});
    assert!(matches!(Object::read(&knative), Reading::Other { .. }));
}

#[test]
fn issues_name_the_cluster_of_their_object() {
    let gateway = object("Gateway", "shop/web", "{servers: 7}");
    let mut store = store();
    store.apply(apply(&own(), &gateway));
    store.apply(apply(&west(), &gateway));
    let issues = store.commit().issues.clone();
    let objects: Vec<String> = issues.iter().map(|issue| issue.object.to_string()).collect();
    assert_eq!(objects, ["Gateway shop/web", "Gateway shop/web in cluster west"]);
    store.apply(Event::Relist(west(), Kind::Gateway, Vec::new()));
    assert_eq!(*store.commit().issues, [issues[0].clone()]);
}

#[test]
fn a_kind_without_effect_is_read_and_says_so() {
    let policy = object("RequestAuthentication", "shop/deny", "{}");
    let snapshot = snapshot([policy]);
    assert_eq!(found(&snapshot.issues), [" NotSupported"]);
    assert_eq!(snapshot.issues[0].severity, Severity::Error);
    assert!(snapshot.issues[0].message.contains("requests with invalid tokens are accepted"), "{}", snapshot.issues[0]);
}

/// The model and the definitions have the same kinds, in the same versions: none is accepted and never watched.
#[test]
fn each_kind_that_is_served_is_read() {
    for kind in heddle_crds::kind::IstioKind::ALL {
        for version in kind.info().versions {
            let read = Kind::of(&format!("{}/{version}", kind.info().group), kind.name());
            let read = read.unwrap_or_else(|| panic!("{kind} {version}"));
            assert_eq!(custom_kind(read), Some(kind));
        }
    }
}
