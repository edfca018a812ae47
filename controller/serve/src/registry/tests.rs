//! Tests of the registry of proxies.

use heddle_model::{
    node,
    object::{Kind, ObjectRef},
};
use serde_json::json;

use super::rejection::{MAX_REASON, NO_REASON};
use super::*;

fn registry() -> Arc<ConnectionRegistry> {
    Arc::new(ConnectionRegistry::new(Arc::new(Metrics::default())))
}

fn nonce(text: &str) -> Nonce {
    Nonce::parse(text).unwrap()
}

fn connected(registry: &Arc<ConnectionRegistry>, name: &str) -> Registration {
    let id = format!("sidecar~10.0.0.1~{name}.shop~shop.svc.cluster.local");
    let proxy = Arc::new(node::proxy(&json!({ "id": id })).unwrap());
    let peer = "127.0.0.1:7".parse().unwrap();
    registry.connect(proxy, &Connection { peer, secure: true, chain: Vec::new() })
}

#[test]
fn a_proxy_is_there_until_its_session_ends() {
    let registry = registry();
    let (b, a) = (connected(&registry, "b"), connected(&registry, "a"));
    let names: Vec<String> = registry.proxies().iter().map(|state| state.proxy.name.to_string()).collect();
    assert_eq!(names, ["a", "b"]);
    drop(a);
    assert_eq!(registry.connected(), 1);
    assert!(registry.find("a.shop", TypeUrl::Cluster).is_none());
    assert_eq!(registry.find("b.shop", TypeUrl::Cluster).unwrap().connection, b.connection());
    assert!(registry.find("b.other", TypeUrl::Cluster).is_none());
}

#[test]
fn the_newest_of_two_streams_of_a_proxy_is_found() {
    let registry = registry();
    let (_old, new) = (connected(&registry, "a"), connected(&registry, "a"));
    assert_eq!(registry.find("a.shop", TypeUrl::Cluster).unwrap().connection, new.connection());
}

#[test]
fn the_workloads_are_those_of_open_streams() {
    let registry = registry();
    let mut changes = registry.connection_changes();
    let stream = connected(&registry, "a");
    assert_eq!(registry.workloads().len(), 1);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    drop(stream);
    assert!(registry.workloads().is_empty() && changes.has_changed().unwrap());
}

#[test]
fn objects_that_are_found_after_a_newer_ack_or_nack_are_not_added() {
    let registry = registry();
    let session = connected(&registry, "a");
    let objects = |kind| vec![Arc::new(ObjectRef::new(kind, "shop", "web"))];
    let first = session.rejected(TypeUrl::Route, nonce("1"), "bad", &[]);
    let second = session.rejected(TypeUrl::Route, nonce("2"), "worse", &[]);
    second.complete(objects(Kind::VirtualService));
    first.complete(objects(Kind::Service));
    let rejections = registry.rejections();
    assert_eq!((rejections[0].reason.as_str(), &rejections[0].objects), ("worse", &objects(Kind::VirtualService)));
    let third = session.rejected(TypeUrl::Route, nonce("3"), "bad", &[]);
    session.acked(TypeUrl::Route, nonce("4"), true);
    third.complete(objects(Kind::Service));
    assert!(
        registry.rejections().is_empty()
            && registry.find("a.shop", TypeUrl::Cluster).unwrap().types[&TypeUrl::Route].objects.is_empty()
    );
}

#[test]
fn an_object_that_is_mended_is_named_no_more_though_others_are_still_rejected() {
    let registry = registry();
    let session = connected(&registry, "a");
    let objects = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| Arc::new(ObjectRef::new(Kind::DestinationRule, "shop", *name))).collect()
    };
    let both = session.rejected(TypeUrl::Cluster, nonce("1"), "a, b: bad", &[]);
    session.rejects(TypeUrl::Cluster, 2);
    assert!(session.rejects_less(TypeUrl::Cluster, 2).is_none(), "an ACK of something else");
    let one = session.rejects_less(TypeUrl::Cluster, 1).unwrap();
    one.complete(objects(&["b"]));
    both.complete(objects(&["a", "b"]));
    assert_eq!(registry.rejections()[0].objects, objects(&["b"]), "the older look-up is late");
    assert!(session.rejects_less(TypeUrl::Cluster, 1).is_none());
    session.acked(TypeUrl::Cluster, nonce("3"), true);
    assert!(session.rejects_less(TypeUrl::Cluster, 0).is_none() && registry.rejections().is_empty());
}

#[test]
fn a_type_goes_from_sent_to_accepted_or_rejected() {
    let registry = registry();
    let session = connected(&registry, "a");
    let state = || registry.find("a.shop", TypeUrl::Cluster).unwrap().types[&TypeUrl::Cluster].clone();
    session.subscribed(TypeUrl::Cluster, None);
    assert_eq!(state().status(), "NOT_SENT");
    session.sent(TypeUrl::Cluster, nonce("1"), 1, 3, 100, Some(Instant::now()));
    assert_eq!(state().status(), "STALE");
    session.acked(TypeUrl::Cluster, nonce("1"), true);
    assert_eq!(state().status(), "SYNCED");
    session.sent(TypeUrl::Cluster, nonce("2"), 2, 3, 100, None);
    session.rejected(TypeUrl::Cluster, nonce("2"), "bad", &[]).complete(vec![Arc::new(ObjectRef::new(
        Kind::DestinationRule,
        "shop",
        "web",
    ))]);
    assert_eq!((state().status(), state().acked.to_string()), ("ERROR", "1".to_owned()));
    session.rejected(TypeUrl::Cluster, nonce("2"), "", &[]).complete(Vec::new());
    assert_eq!((state().status(), state().error.as_str()), ("ERROR", NO_REASON));
    assert_eq!(registry.rejections()[0].reason, NO_REASON);
    session.sent(TypeUrl::Cluster, nonce("3"), 3, 3, 100, None);
    session.acked(TypeUrl::Cluster, nonce("3"), true);
    assert_eq!((state().status(), state().objects.len()), ("SYNCED", 0));
    let mut page = crate::metrics::Page::default();
    registry.metrics().write(&mut page);
    let page = page.finish();
    for line in [
        "pilot_xds_pushes{type=\"cds\"} 3",
        "pilot_total_xds_rejects{type=\"cds\"} 2",
        "heddle_xds_sent_bytes{type=\"cds\"} 300",
        "heddle_event_to_ack_seconds_count{type=\"cds\"} 1",
        "pilot_proxy_convergence_time_count 1",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

#[test]
fn a_reason_of_any_length_takes_little_memory() {
    let registry = registry();
    let proxy = connected(&registry, "a");
    proxy.rejected(TypeUrl::Cluster, nonce("1"), &"é".repeat(4 << 20), &[]).complete(Vec::new());
    let reason = &registry.rejections()[0].reason;
    assert!(reason.len() < MAX_REASON + 100 && reason.ends_with("(8388608 bytes)"), "{} bytes", reason.len());
}
