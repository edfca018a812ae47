//! Well-formed objects in a sequence of events: applied, changed, deleted, committed at any moment.
//!
//! A few names and few values make objects meet each other, which is where the depth is. The oracle is that of
//! [`crate::yaml`], and besides: what is compiled from one revision to the next, with all that is remembered and left
//! out, is what is compiled from nothing; the order in which objects came does not show; the same objects again change
//! nothing.

pub(crate) mod bytes;
mod held;
pub(crate) mod make;
mod platform;
mod word;

use std::collections::BTreeMap;
use std::sync::Arc;

use heddle_model::object::ObjectRef;
use heddle_model::snapshot::Snapshot;
use heddle_store::{Event, Object, SourceId, Spec, Store, mesh_config};

use crate::{mesh, yaml};
use bytes::Bytes;
use held::Held;

/// Begins an event, so that a byte more or less in one leaves the others as they are.
const MARK: u8 = 0xff;
/// Events and commits of one input: it is breadth that finds, not length.
const MAX_EVENTS: usize = 32;
const MAX_COMMITS: usize = 6;

/// Runs the events that `data` stands for.
pub fn run(data: &[u8]) {
    let mut test_mesh = TestMesh::new();
    let mut commits = 1;
    for part in data.split(|byte| *byte == MARK).take(MAX_EVENTS) {
        let mut bytes = Bytes::new(part);
        let verb = bytes.next();
        let value = make::object(&mut bytes);
        yaml::judge(&value);
        let Some(object) = make::read(&value) else { continue };
        if verb & 7 == 7 {
            test_mesh.delete(&object.key);
        } else {
            test_mesh.apply(object);
        }
        if verb & 0x30 == 0x30 && commits < MAX_COMMITS {
            commits += 1;
            test_mesh.commit();
        }
    }
    test_mesh.commit();
    test_mesh.check_again();
    test_mesh.check_from_nothing();
}

/// The objects in force, the store that they were given to one by one, and what proxies hold.
struct TestMesh {
    store: Store,
    held: Vec<Held>,
    /// Of each key the last version that can be read, and the one after it that cannot.
    objects: BTreeMap<Arc<ObjectRef>, (Option<Object>, Option<Object>)>,
    snapshot: Arc<Snapshot>,
}

impl TestMesh {
    fn new() -> Self {
        let mut store = mesh::store();
        let objects = mesh::objects().iter().map(|object| (object.key.clone(), (Some(object.clone()), None))).collect();
        let snapshot = store.commit();
        let held = mesh::proxies().iter().map(Held::new).collect();
        Self { store, held, objects, snapshot }
    }

    fn apply(&mut self, object: Object) {
        let versions = self.objects.entry(object.key.clone()).or_default();
        if is_unreadable(&object) {
            versions.1 = Some(object.clone());
        } else {
            *versions = (Some(object.clone()), None);
        }
        self.store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    }

    fn delete(&mut self, key: &Arc<ObjectRef>) {
        self.objects.remove(key);
        self.store.apply(Event::Delete(SourceId::Files, key.clone()));
    }

    fn commit(&mut self) {
        self.snapshot = self.store.commit();
        assert!(Arc::ptr_eq(&self.snapshot, &self.store.commit()), "a commit of nothing makes a revision");
        for held in &mut self.held {
            held.follow(&self.snapshot);
        }
    }

    fn versions(&self) -> impl Iterator<Item = &Object> {
        self.objects.values().flat_map(|(good, bad)| good.iter().chain(bad))
    }

    /// The same objects again, as a source gives them when it has lost its connection.
    fn check_again(&mut self) {
        for object in self.versions().cloned().collect::<Vec<_>>() {
            self.store.apply(Event::Apply(SourceId::Files, Box::new(object)));
        }
        assert!(Arc::ptr_eq(&self.snapshot, &self.store.commit()), "the same objects again make a revision");
    }

    /// A store that sees only what is in force, in another order.
    fn check_from_nothing(&self) {
        let mut store = Store::new(heddle_store::Settings::default());
        for object in self.versions() {
            store.apply(Event::Apply(SourceId::Files, Box::new(object.clone())));
        }
        let snapshot = store.commit();
        assert_eq!(snapshot.issues, self.snapshot.issues, "the order of events shows in the issues");
        for (held, proxy) in self.held.iter().zip(mesh::proxies()) {
            held.assert_is(&snapshot, proxy, "the order of events shows");
        }
    }
}

/// Whether a store keeps the version before instead of this one.
fn is_unreadable(object: &Object) -> bool {
    match &object.spec {
        Spec::Malformed => true,
        Spec::ConfigMap(map) => {
            let is_settings = (&*object.key.namespace, &*object.key.name) == ("istio-system", "istio");
            is_settings && mesh_config::of_map(map).is_some_and(|read| read.is_err())
        }
        _ => false,
    }
}
