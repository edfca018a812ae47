//! Random meshes whose objects get in each other's way: overlapping hosts, ports, networks and names of several owners,
//! in objects that make sense, and any value of the schemas in others. A seed gives one mesh.
//!
//! Each proxy's resources pass the lint here. The test `envoy_accepts` asks Envoy about them.

mod dice;
mod field;
mod gateway;
mod leaf;
mod platform;
mod routes;
mod services;
mod template;
mod tricky;
mod words;

use std::sync::Arc;

use heddle_compile::Compiler;
use heddle_model::{node, proxy::Proxy};
use heddle_store::{Event, Settings, SourceId, Store};
use heddle_xds_api::ResourceSet;
use serde_json::Value;

use crate::mesh::Seen;
use crate::objects::{bytes::Bytes, make};
use crate::sound;
use dice::Dice;

/// Objects of a mesh with a hostile value in one field each.
pub const HOSTILE_FIELDS: u64 = 3;

/// The nodes that see each mesh: sidecars with and without redirection, of one and of both families of addresses, and
/// gateways.
const NODES: &str = include_str!("hostile/nodes.json");

pub use field::count as fields;

/// What one proxy gets of one mesh.
#[derive(Clone, Debug)]
pub struct Case {
    /// Seed and node, for a report.
    pub name: String,
    /// Envoy's Node.
    pub node: Value,
    /// The resources.
    pub set: Arc<ResourceSet>,
}

/// The objects of a mesh.
#[must_use]
pub fn objects(seed: u64) -> Vec<Value> {
    let mut dice = Dice::new(seed);
    let mut objects = platform::known().to_vec();
    for _ in 0..4 + dice.below(16) {
        let meta = words::meta(&mut dice);
        objects.push(match dice.below(12) {
            0..=2 => services::service(&mut dice, &meta),
            3 | 4 => services::entry(&mut dice, &meta),
            5..=7 => routes::virtual_service(&mut dice, &meta),
            8 | 9 => gateway::gateway(&mut dice, &meta),
            10 => gateway::sidecar(&mut dice, &meta),
            _ => platform::policy(&mut dice, &meta),
        });
    }
    for at in 0..HOSTILE_FIELDS {
        objects.push(field::object(seed.wrapping_mul(HOSTILE_FIELDS).wrapping_add(at), &mut dice));
    }
    objects.push(leaf::object(&mut dice));
    for _ in 0..dice.below(4) {
        let bytes: Vec<u8> = (0..160).map(|_| dice.byte()).collect();
        objects.push(make::object(&mut Bytes::new(&bytes)));
    }
    objects
}

/// Compiles a mesh for each node, and asserts that the lint finds nothing.
///
/// # Panics
/// When the lint finds something.
#[must_use]
pub fn compile(seed: u64) -> Vec<Case> {
    // Mostly, what comes of the servers of gateways is of interest, not their Secrets.
    let mut store = Store::new(Settings { assume_secrets: !seed.is_multiple_of(4), ..Settings::default() });
    for object in objects(seed).iter().filter_map(make::read) {
        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    }
    let snapshot = store.commit();
    let nodes: Vec<Value> = serde_json::from_str(NODES).unwrap_or_default();
    let case = |node: &Value| {
        let proxy = node::proxy(node).ok()?;
        let case = Case {
            name: format!("seed {seed}, node {}", proxy.id),
            node: node.clone(),
            set: resources_of(&snapshot, proxy),
        };
        Some(case)
    };
    nodes.iter().filter_map(case).collect()
}

fn resources_of(snapshot: &Arc<heddle_model::snapshot::Snapshot>, mut proxy: Proxy) -> Arc<ResourceSet> {
    proxy.verified = true;
    let compiler = Compiler::default();
    let mut session = compiler.open(&Arc::new(proxy));
    let set = compiler.update(&mut session, snapshot);
    sound::check(&Seen {
        set: set.clone(),
        issues: snapshot.issues.iter().cloned().chain(compiler.issues()).collect(),
    });
    set
}
