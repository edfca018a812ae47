//! The stages, each as a closure that does its work once over.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_ca::{Lifetime, Limits};
use heddle_compile::Compiler;
use heddle_model::snapshot::Snapshot;
use heddle_serve::push::Push;
use heddle_xds_api::subscription::{Names, Protocol, Request};
use heddle_xds_api::{Differences, Resource, ResourceSet, TypeSet, TypeUrl};

use super::mesh::{
    Change, Mesh, apply, destination_rule, endpoint_slice, foreign_secret, objects, sidecar, virtual_service,
};

/// Does a stage's work once.
pub(crate) type Work = Box<dyn FnMut()>;

/// A stage's name, and what makes it for a number of services.
pub(crate) type Stage = (&'static str, fn(usize) -> Work);

/// All stages by name.
pub(crate) const ALL: [Stage; 15] = [
    ("read a VirtualService", |_| read(virtual_service)),
    ("ingest a VirtualService", |services| ingest(services, virtual_service)),
    ("ingest an EndpointSlice", |services| ingest(services, endpoint_slice)),
    ("commit a VirtualService", |services| commit(services, virtual_service)),
    ("commit a DestinationRule", |services| commit(services, destination_rule)),
    ("commit an EndpointSlice", |services| commit(services, endpoint_slice)),
    ("compile a sidecar's layers", compile),
    ("compile a replica's layers", replica),
    ("compile a VirtualService's change", |services| follow(services, virtual_service)),
    ("compile a DestinationRule's change", |services| follow(services, destination_rule)),
    ("compile an EndpointSlice's change", |services| follow(services, endpoint_slice)),
    ("pass over a Secret that concerns nobody", |services| follow(services, foreign_secret)),
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

/// Compiles a sidecar of which nothing is known.
fn compile(services: usize) -> Work {
    let (snapshot, proxy) = (Mesh::new(services, virtual_service).new, Arc::new(sidecar()));
    Box::new(move || {
        let compiler = Compiler::default();
        black_box(compiler.update(&mut compiler.open(&proxy), &snapshot));
    })
}

/// Compiles a sidecar whose view and inbound side another has.
fn replica(services: usize) -> Work {
    let (snapshot, proxy) = (Mesh::new(services, virtual_service).new, Arc::new(sidecar()));
    let compiler = Compiler::default();
    let mut first = compiler.open(&proxy);
    compiler.update(&mut first, &snapshot);
    Box::new(move || {
        let _held = &first;
        black_box(compiler.update(&mut compiler.open(&proxy), &snapshot));
    })
}

/// Compiles a change for a sidecar that is followed; there and back again.
fn follow(services: usize, change: Change) -> Work {
    let Mesh { old, new, .. } = Mesh::new(services, change);
    let compiler = Compiler::default();
    let mut session = compiler.open(&Arc::new(sidecar()));
    compiler.update(&mut session, &old);
    let mut revision = new.revision;
    Box::new(move || {
        revision += 1;
        let parts = if revision % 2 == 0 { &old } else { &new };
        let snapshot = Arc::new(Snapshot { revision, ..(**parts).clone() });
        black_box(compiler.update(&mut session, &snapshot));
    })
}

fn encode() -> Work {
    let snapshot = Mesh::new(1, virtual_service).new;
    let compiler = Compiler::default();
    let set = compiler.update(&mut compiler.open(&Arc::new(sidecar())), &snapshot);
    let resource = set.shared.get(TypeUrl::Cluster).unwrap().values().next().unwrap().clone();
    let message: heddle_xds_api::envoy::config::cluster::v3::Cluster = resource.decode().unwrap();
    Box::new(move || drop(black_box(Resource::new(TypeUrl::Cluster, resource.name().clone(), &message))))
}

/// A stream is shown a set in which one cluster changed, says so, and hears that it was taken.
fn push(services: usize) -> Work {
    let mesh = Mesh::new(services, destination_rule);
    let compiler = Compiler::default();
    let mut session = compiler.open(&Arc::new(sidecar()));
    let sets = [&mesh.old, &mesh.new].map(|snapshot| {
        let shared = compiler.update(&mut session, snapshot).shared.clone();
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
