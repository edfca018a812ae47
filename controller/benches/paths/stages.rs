//! The stages, each as a closure that does its work once over.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_ca::{Lifetime, Limits};
use heddle_compile::compile::{compile_own, compile_view};
use heddle_compile::increment::recompile;
use heddle_compile::memo::Memo;
use heddle_compile::view::view;
use heddle_model::diff::diff;
use heddle_serve::push::Push;
use heddle_xds_api::subscription::{Names, Protocol, Request};
use heddle_xds_api::{Differences, Resource, ResourceSet, TypeSet, TypeUrl};

use super::mesh::{Change, Mesh, apply, destination_rule, endpoint_slice, objects, sidecar, virtual_service};

/// Does a stage's work once.
pub(crate) type Work = Box<dyn FnMut()>;

/// A stage's name, and what makes it for a number of services.
pub(crate) type Stage = (&'static str, fn(usize) -> Work);

/// All stages by name.
pub(crate) const ALL: [Stage; 18] = [
    ("read a VirtualService", |_| read(virtual_service)),
    ("ingest a VirtualService", |services| ingest(services, virtual_service)),
    ("ingest an EndpointSlice", |services| ingest(services, endpoint_slice)),
    ("commit a VirtualService", |services| commit(services, virtual_service)),
    ("commit a DestinationRule", |services| commit(services, destination_rule)),
    ("commit an EndpointSlice", |services| commit(services, endpoint_slice)),
    ("compare revisions", compare),
    ("compile clusters", |services| compile(services, TypeUrl::Cluster)),
    ("compile endpoints", |services| compile(services, TypeUrl::Endpoint)),
    ("compile listeners", |services| compile(services, TypeUrl::Listener)),
    ("compile routes", |services| compile(services, TypeUrl::Route)),
    ("compile what is a sidecar's own", own),
    ("compile a VirtualService's change", |services| increment(services, virtual_service)),
    ("compile a DestinationRule's change", |services| increment(services, destination_rule)),
    ("compile an EndpointSlice's change", |services| increment(services, endpoint_slice)),
    ("encode a cluster", |_| encode()),
    ("push a change to a stream", push),
    ("sign a certificate", |_| sign()),
];

fn read(change: Change) -> Work {
    let mut turn = 0;
    Box::new(move || {
        turn += 1;
        black_box(objects(&change(turn)));
    })
}

/// Takes an object in, without a commit.
fn ingest(services: usize, change: Change) -> Work {
    let mut store = Mesh::new(services, change).store;
    let versions = [objects(&change(2)), objects(&change(3))];
    let mut turn = 0;
    Box::new(move || {
        turn += 1;
        apply(&mut store, versions[turn % 2].clone());
    })
}

/// Takes an object in and commits.
fn commit(services: usize, change: Change) -> Work {
    let mut store = Mesh::new(services, change).store;
    let versions = [objects(&change(2)), objects(&change(3))];
    let mut turn = 0;
    Box::new(move || {
        turn += 1;
        apply(&mut store, versions[turn % 2].clone());
        black_box(store.commit());
    })
}

fn compare(services: usize) -> Work {
    let mesh = Mesh::new(services, virtual_service);
    Box::new(move || drop(black_box(diff(&mesh.old, &mesh.new))))
}

/// Compiles a type for a view of which nothing is known.
fn compile(services: usize, type_url: TypeUrl) -> Work {
    let snapshot = Mesh::new(services, virtual_service).new;
    let key = view(&snapshot, &sidecar());
    let types = [type_url].into_iter().collect();
    Box::new(move || drop(black_box(compile_view(&snapshot, &key, types, &Memo::default()))))
}

fn own(services: usize) -> Work {
    let (snapshot, proxy) = (Mesh::new(services, virtual_service).new, sidecar());
    Box::new(move || drop(black_box(compile_own(&snapshot, &proxy, TypeSet::ALL))))
}

/// Compiles a change for a view that is known; there and back again.
fn increment(services: usize, change: Change) -> Work {
    let Mesh { old, new, .. } = Mesh::new(services, change);
    let key = view(&old, &sidecar());
    let memo = Memo::default();
    let mut known = compile_view(&old, &key, TypeSet::ALL, &memo);
    let ways = [(diff(&old, &new), new.clone()), (diff(&new, &old), old)];
    let mut turn = 0;
    Box::new(move || {
        let (changes, snapshot) = &ways[turn % 2];
        turn += 1;
        let (cached_scope, parts) = (known.cached_scope.as_mut().unwrap(), known.split_configs.as_mut().unwrap());
        let patch = recompile(snapshot, &key, changes, (cached_scope, parts), &memo);
        assert!(black_box(patch).is_some(), "the change is not a small one");
    })
}

fn encode() -> Work {
    let snapshot = Mesh::new(1, virtual_service).new;
    let output = compile_view(&snapshot, &view(&snapshot, &sidecar()), TypeSet::ALL, &Memo::default());
    let resource = output.layer.get(TypeUrl::Cluster).unwrap().values().next().unwrap().clone();
    let message: heddle_xds_api::envoy::config::cluster::v3::Cluster = resource.decode().unwrap();
    Box::new(move || drop(black_box(Resource::new(TypeUrl::Cluster, resource.name().clone(), &message))))
}

/// A stream is shown a set in which one cluster changed, says so, and hears that it was taken.
fn push(services: usize) -> Work {
    let mesh = Mesh::new(services, destination_rule);
    let key = view(&mesh.old, &sidecar());
    let memo = Memo::default();
    let sets = [&mesh.old, &mesh.new].map(|snapshot| {
        let shared = Arc::new(compile_view(snapshot, &key, TypeSet::ALL, &memo).layer);
        Arc::new(ResourceSet { shared, own: Arc::default() })
    });
    let mut stream = Push::new(Protocol::Delta, Arc::<Differences>::default());
    stream.on_resources(sets[0].clone(), TypeSet::ALL);
    let names = Names::Delta { subscribe: Vec::new(), unsubscribe: Vec::new(), initial: BTreeMap::new() };
    let hello = Request { nonce: String::new(), error: None, names };
    stream.on_request(TypeUrl::Cluster, &hello, Instant::now()).unwrap();
    say(&mut stream);
    let mut turn = 0;
    Box::new(move || {
        turn += 1;
        stream.on_resources(sets[turn % 2].clone(), TypeSet::ALL);
        assert!(say(&mut stream) > 0, "nothing was pushed");
    })
}

/// Sends all that is to be sent, and acknowledges it; how much that was.
fn say(stream: &mut Push) -> usize {
    let replies = stream.responses(Instant::now());
    for (type_url, reply) in &replies {
        let names = Names::Delta { subscribe: Vec::new(), unsubscribe: Vec::new(), initial: BTreeMap::new() };
        let request = Request { nonce: reply.nonce.to_string(), error: None, names };
        stream.on_request(*type_url, &request, Instant::now()).unwrap();
    }
    replies.len()
}

fn sign() -> Work {
    let now = time::OffsetDateTime::now_utc();
    let random = ring::rand::SystemRandom::new();
    let (authority, _) =
        heddle_ca::self_signed("cluster.local", Duration::from_hours(24 * 3650), now, &random).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let identity = "spiffe://cluster.local/ns/shop/sa/web".parse().unwrap();
    let lifetime = Lifetime::ask(86_400, &Limits::default()).unwrap();
    Box::new(move || {
        black_box(heddle_ca::sign(&authority, csr.as_bytes(), &identity, lifetime, now).unwrap());
    })
}
