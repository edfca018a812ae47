//! Objects of files, and where they are written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use heddle_analyze::{AddOptions, Added, Finding, Identity, MeshNetworks};
use heddle_crds::mesh::MeshConfig;
use heddle_store::object::Reading;
use heddle_store::{Event, Object, SourceId, Store};
use heddle_yaml::{Position, Schema, positions};
use serde_json::Value;

use super::Inputs;
use crate::cmd::validate::{document, texts};

/// Where an object is written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The file.
    file: Arc<str>,
    /// The text of the file.
    text: Arc<[u8]>,
    /// First line of the document, from 1.
    line: usize,
    /// Which document of the file it is, from 0.
    number: usize,
    /// Where the object is in its document.
    path: String,
}

/// Adds the objects of a file, of the files of a folder, or of standard input. Objects of another revision are left
/// out, if one is asked for.
pub(super) fn add(name: &Path, namespace: &str, revision: Option<&str>, inputs: &mut Inputs) -> Result<()> {
    for (file, text) in texts(name)? {
        let (file, text): (Arc<str>, Arc<[u8]>) = (file.into(), text.into());
        for document in document::read(&text) {
            let line = document.line;
            let value = match document.content {
                Ok(value) => value,
                Err(reason) => {
                    inputs.faults.push(format!("{file}:{line}: {reason}"));
                    continue;
                }
            };
            if revision.is_some_and(|revision| !is_of_revision(&value, revision)) {
                continue;
            }
            let place =
                Place { file: file.clone(), text: text.clone(), line, number: document.number, path: document.path };
            match inputs.world.add(&value, AddOptions { namespace, is_assumed: false }) {
                Added::Seen(identity) => drop(inputs.places.insert(identity, place)),
                Added::Ignored => {}
                Added::Unreadable(reason) => {
                    inputs.faults.push(format!("{file}:{line}: {reason}"));
                    continue;
                }
            }
            apply(&value, namespace, &mut inputs.store);
        }
    }
    Ok(())
}

/// Adds an object to a store. An object of a file counts more than that of the cluster.
fn apply(value: &Value, namespace: &str, store: &mut Store) {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("namespace").or_insert_with(|| namespace.into());
    }
    if let Reading::Object(object) = Object::read(&value) {
        store.apply(Event::Apply(SourceId::Files, object));
    }
}

/// Whether a control plane of a revision reads the object.
pub(super) fn is_of_revision(object: &Value, revision: &str) -> bool {
    let label = object.pointer("/metadata/labels").and_then(|labels| labels.get("istio.io/rev"));
    let group = object.get("apiVersion").and_then(Value::as_str).and_then(|version| version.split_once('/'));
    let is_custom = group.is_some_and(|(group, _)| group.ends_with(".istio.io"));
    !is_custom || label.is_none_or(|label| label.as_str() == Some(revision))
}

/// Seconds since 1970.
pub(in crate::cmd) fn now() -> Option<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(now.as_secs()).ok()
}

/// The settings of the mesh in a file. The store gets them too.
pub(super) fn mesh_config(path: &Path, store: &mut Store) -> Result<MeshConfig> {
    let value = super::document(path)?;
    store.apply(Event::Apply(SourceId::Files, Box::new(Object::mesh_config(&value))));
    let read = heddle_crds::decode::decode_at::<MeshConfig>("", &value);
    read.map(|read| read.spec).map_err(|error| anyhow!("{}: {}: {}", path.display(), error.path, error.reason))
}

/// The networks of the mesh in a file.
pub(super) fn mesh_networks(path: &Path) -> Result<MeshNetworks> {
    MeshNetworks::read(&super::document(path)?).map_err(|reason| anyhow!("{}: {reason}", path.display()))
}

/// For each finding, the file and line of its field, as `file:12`. It is empty for objects of a cluster.
pub(super) fn references(findings: &[Finding], places: &BTreeMap<Arc<Identity>, Place>) -> Vec<String> {
    let mut known: BTreeMap<Arc<str>, Vec<Option<Position>>> = BTreeMap::new();
    let reference = |finding: &Finding| {
        let Some(place) = places.get(&finding.object) else { return String::new() };
        let found = known.entry(place.file.clone()).or_insert_with(|| positions(&place.text, Schema::Yaml11));
        let field = if finding.path.is_empty() { "metadata.name" } else { &finding.path };
        let position = found.get(place.number).and_then(Option::as_ref);
        let line = position.map_or(place.line, |position| position.line_of(&[&place.path, field].join(".")));
        format!("{}:{line}", place.file)
    };
    findings.iter().map(reference).collect()
}
