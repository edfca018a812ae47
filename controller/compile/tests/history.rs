//! Whatever the order of changes: what is compiled with all that was compiled before at hand is, byte for byte, what a
//! compiler without any memory makes of the last revision.

//!
//! `PROPTEST_CASES` says how many histories (64 unless told); `make soak` runs 20,000.
#![allow(clippy::unwrap_used)] // a test's report

use std::collections::BTreeSet;
use std::sync::Arc;

use heddle_compile::{Compiler, Session};
use heddle_model::{node, proxy::Proxy};
use heddle_store::{Event, Settings, SourceId, Store, documents};
use heddle_xds_api::{ResourceSet, TypeUrl};
use proptest::prelude::*;
use serde_json::json;

#[path = "history/objects.rs"]
mod objects;

use objects::{OBJECTS, object};

/// Sidecars of two namespaces, with routes whole and in parts, and a gateway.
fn proxies() -> Vec<Arc<Proxy>> {
    let ids = [
        ("sidecar~10.1.0.1~one.a~a.svc.cluster.local", true),
        ("sidecar~10.1.0.2~two.a~a.svc.cluster.local", false),
        ("sidecar~10.1.0.3~three.b~b.svc.cluster.local", true),
        ("router~10.1.0.4~edge.a~a.svc.cluster.local", true),
    ];
    let proxy = |(id, virtual_hosts)| {
        let mut proxy = node::proxy(&json!({"id": id, "metadata": {"LABELS": {"app": "edge"}}})).unwrap();
        (proxy.can.virtual_hosts, proxy.verified) = (virtual_hosts, true);
        Arc::new(proxy)
    };
    ids.into_iter().map(proxy).collect()
}

fn versions(set: &ResourceSet) -> BTreeSet<(TypeUrl, Arc<str>, u64)> {
    let of = |one: TypeUrl| set.typed(one).iter().map(|r| (one, r.name().clone(), r.version())).collect::<Vec<_>>();
    TypeUrl::ALL.into_iter().flat_map(of).collect()
}

/// Applies one change; every fifth takes an object away.
fn change(store: &mut Store, which: usize, version: usize) {
    let text = object(OBJECTS[which % OBJECTS.len()], version);
    let (mut objects, issues) = documents(text.as_bytes());
    assert_eq!(issues, [], "{text}");
    let object = objects.remove(0);
    store.apply(if version == 9 {
        Event::Delete(SourceId::Files, object.key)
    } else {
        Event::Apply(SourceId::Files, Box::new(object))
    });
}

fn check(history: &[Vec<(usize, usize)>]) {
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    (0..OBJECTS.len()).for_each(|which| change(&mut store, which, 0));
    let mut sessions: Vec<Session> = proxies().iter().map(|proxy| compiler.open(proxy)).collect();
    for changes in history {
        let snapshot = store.commit();
        let mut all_fresh = BTreeSet::new();
        for (session, proxy) in sessions.iter_mut().zip(proxies()) {
            let remembered = versions(&compiler.update(session, &snapshot));
            let fresh = Compiler::default();
            let mut session = fresh.open(&proxy);
            let made = versions(&fresh.update(&mut session, &snapshot));
            all_fresh.extend(fresh.issues());
            let (wrong, lacks) = (&remembered - &made, &made - &remembered);
            assert!(wrong.is_empty() && lacks.is_empty(), "{} holds {wrong:?}\nand lacks {lacks:?}", proxy.id);
        }
        assert_eq!(compiler.issues(), all_fresh, "issues");
        for (which, version) in changes {
            change(&mut store, *which, *version);
        }
    }
}

/// A history costs about fifty compilations, so the default is less than that of proptest.
fn config() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let histories = std::env::var_os("PROPTEST_CASES").map_or(64, |_| config.cases);
    ProptestConfig { cases: histories, ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn memory_changes_nothing(
        history in proptest::collection::vec(proptest::collection::vec((0..OBJECTS.len(), 0..10_usize), 1..4), 2..12)
    ) {
        check(&history);
    }
}
