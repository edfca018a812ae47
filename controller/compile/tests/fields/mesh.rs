//! A mesh of which one object is changed, and what its proxies get.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use heddle_compile::{Compiler, Session};
use heddle_model::issue::{Issue, Severity};
use heddle_model::node;
use heddle_store::object::Reading;
use heddle_store::{Event, Object, Settings, SourceId, Store, documents};
use heddle_xds_api::TypeUrl;
use serde_json::Value;

use super::change::Change;

/// What a field that is read, but that nothing is built for, is reported as.
const NOT_SUPPORTED: &str = "NotSupported";

/// What came of a change.
pub(crate) enum Seen {
    /// A proxy gets something else, or an issue says that the field is not supported.
    Effect,
    /// Nothing.
    Nothing,
    /// It made the object wrong, so that it says nothing of the field.
    Refused(String),
}

/// A mesh with the object that is changed.
pub(crate) struct Mesh {
    name: String,
    object: Value,
    store: Store,
    compiler: Compiler,
    /// The proxies.
    sessions: Vec<Session>,
    /// What was compiled before, as changes of one place begin with the same object.
    known: Option<(Value, Outcome)>,
}

/// What all proxies get, and what is wrong.
#[derive(Clone, PartialEq)]
struct Outcome {
    versions: Vec<(usize, TypeUrl, Arc<str>, u64)>,
    issues: Vec<Issue>,
}

impl Mesh {
    /// The shop, what all meshes here have besides, and the file's documents, of which the first is the object.
    pub(crate) fn read(file: &Path) -> Self {
        let tests = super::tests();
        let text = |path: &Path| std::fs::read_to_string(path).expect("a mesh");
        let own = text(file);
        let mut documents_of_file = own.split("\n---\n");
        let object = serde_saphyr::from_str(documents_of_file.next().expect("an object")).expect("YAML");
        let beside = documents_of_file.collect::<Vec<_>>().join("\n---\n");
        let mut store = Store::new(Settings { assume_secrets: true, ..Settings::default() });
        let shop = text(&tests.join("base/shop.yaml"));
        for mesh in [&*shop, &*text(&tests.join("fields/mesh.yaml")), &*beside] {
            let (objects, issues) = documents(mesh.as_bytes());
            assert!(issues.is_empty(), "{}: {issues:?}", file.display());
            for object in objects {
                store.apply(Event::Apply(SourceId::Files, Box::new(object)));
            }
        }
        let nodes: BTreeMap<String, Value> =
            serde_json::from_value(super::yaml(&tests.join("base/proxies.yaml"))).expect("proxies");
        // A caller, one of another namespace, and a gateway; the caller is called too.
        let proxies = ["web", "stock", "gateway"].map(|name| &nodes[name]).into_iter().map(|node| {
            let mut proxy = node::proxy(node).expect("a node");
            proxy.verified = true;
            Arc::new(proxy)
        });
        let compiler = Compiler::default();
        let mut mesh = Self {
            name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            object,
            store,
            sessions: proxies.map(|proxy| compiler.open(&proxy)).collect(),
            compiler,
            known: None,
        };
        let object = mesh.object.clone();
        let wrong = mesh.compile(&object).issues;
        let ours = |issue: &&Issue| issue.reason != "Deprecated" && issue.reason != NOT_SUPPORTED;
        let wrong: Vec<_> = wrong.iter().filter(ours).map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", file.display());
        mesh
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The object as its file has it.
    pub(crate) fn object(&self) -> &Value {
        &self.object
    }

    /// Compiles before and after a change.
    pub(crate) fn try_change(&mut self, change: &Change) -> Seen {
        let before = match self.known.take() {
            Some((object, outcome)) if object == change.before => outcome,
            _ => self.compile(&change.before),
        };
        let after = self.compile(&change.after);
        let seen = judge(&before, &after, &change.path);
        self.known = Some((change.before.clone(), before));
        seen
    }

    fn compile(&mut self, object: &Value) -> Outcome {
        let object = if object.get("kind").is_some() {
            match Object::read(object) {
                Reading::Object(object) => object,
                other => panic!("{other:?}"),
            }
        } else {
            Box::new(Object::mesh_config(object))
        };
        let mut issues = self.store.apply(Event::Apply(SourceId::Files, object));
        let snapshot = self.store.commit();
        issues.extend(snapshot.issues.iter().cloned());
        let mut versions = Vec::new();
        for (index, session) in self.sessions.iter_mut().enumerate() {
            let set = self.compiler.update(session, &snapshot);
            for type_url in TypeUrl::ALL {
                let found = set.typed(type_url);
                versions.extend(found.iter().map(|one| (index, type_url, one.name().clone(), one.version())));
            }
        }
        issues.extend(self.compiler.issues());
        issues.sort();
        issues.dedup();
        Outcome { versions, issues }
    }
}

fn judge(before: &Outcome, after: &Outcome, path: &str) -> Seen {
    if after.issues.iter().any(|issue| issue.reason == NOT_SUPPORTED && holds(&issue.field, path)) {
        return Seen::Effect;
    }
    let refused = after.issues.iter().find(|issue| {
        issue.severity == Severity::Error && issue.reason != NOT_SUPPORTED && !before.issues.contains(issue)
    });
    match refused {
        Some(issue) => Seen::Refused(issue.to_string()),
        None if before.versions != after.versions => Seen::Effect,
        None => Seen::Nothing,
    }
}

/// Whether a field is another or holds it.
fn holds(field: &str, path: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
