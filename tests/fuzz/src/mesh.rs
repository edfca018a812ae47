//! A small mesh that inputs are added to, the proxies that see it, and what each of them gets.

use std::sync::{Arc, LazyLock};

use heddle_compile::Compiler;
use heddle_model::{issue::Issue, node, proxy::Proxy, snapshot::Snapshot};
use heddle_store::{Event, Object, Settings, SourceId, Store, documents};
use heddle_xds_api::{Resource, ResourceSet, TypeUrl};
use serde_json::Value;

use crate::sound;

/// The mesh before the input, and its proxies' nodes.
const BASE: &str = include_str!("mesh/base.yaml");
const NODES: &str = include_str!("mesh/nodes.json");

static OBJECTS: LazyLock<Vec<Object>> = LazyLock::new(|| {
    let (objects, issues) = documents(BASE.as_bytes());
    assert_eq!(issues, []);
    objects
});

static PROXIES: LazyLock<Vec<Proxy>> = LazyLock::new(|| {
    let nodes: Vec<Value> = serde_json::from_str(NODES).unwrap_or_default();
    // Secrets go to callers who have proved who they are; sidecars of the first namespace take virtual hosts one by
    // one.
    let proxy = |node: &Value| {
        let mut proxy = node::proxy(node).ok()?;
        proxy.verified = true;
        proxy.can.virtual_hosts = &*proxy.namespace == "shop";
        Some(proxy)
    };
    let proxies: Vec<Proxy> = nodes.iter().filter_map(proxy).collect();
    assert_eq!(proxies.len(), 4, "every node is a proxy");
    proxies
});

/// What a proxy gets, with what was found wrong on the way.
pub(crate) struct Seen {
    pub(crate) set: Arc<ResourceSet>,
    pub(crate) issues: Vec<Issue>,
}

/// A store with the mesh that every input meets.
pub(crate) fn store() -> Store {
    let mut store = Store::new(Settings::default());
    for object in OBJECTS.iter().cloned() {
        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    }
    store
}

/// The objects of that mesh.
pub(crate) fn objects() -> &'static [Object] {
    &OBJECTS
}

/// Two sidecars (one takes redirected traffic, one is a forward proxy), one in a namespace without a Sidecar, a
/// gateway.
pub(crate) fn proxies() -> &'static [Proxy] {
    &PROXIES
}

/// Compiles everything for a proxy, from nothing.
pub(crate) fn compile(snapshot: &Arc<Snapshot>, proxy: &Proxy) -> Seen {
    let compiler = Compiler::default();
    let mut session = compiler.open(&Arc::new(proxy.clone()));
    let set = compiler.update(&mut session, snapshot);
    Seen { set, issues: snapshot.issues.iter().cloned().chain(compiler.issues()).collect() }
}

/// Compiles for every proxy twice from nothing, and judges what each gets.
pub(crate) fn check(snapshot: &Arc<Snapshot>) {
    for proxy in proxies() {
        let (seen, again) = (compile(snapshot, proxy), compile(snapshot, proxy));
        assert_same(&seen.set, &again.set, "two compiles differ");
        assert_eq!(seen.issues, again.issues, "two compiles find different issues");
        sound::check(&seen);
    }
}

/// Asserts that both hold the same resources, byte for byte.
pub(crate) fn assert_same(one: &ResourceSet, other: &ResourceSet, what: &str) {
    for type_url in TypeUrl::ALL {
        let of = |set: &ResourceSet| set.typed(type_url).iter().cloned().collect::<Vec<Arc<Resource>>>();
        let (one, other) = (of(one), of(other));
        if one != other {
            let differs = one.iter().zip(&other).find(|(one, other)| one != other);
            assert_eq!(one.len(), other.len(), "{what}: {type_url}: {differs:?}: {one:?} {other:?}");
            assert_eq!(differs, None, "{what}: {type_url}");
        }
    }
}
