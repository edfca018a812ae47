//! No field is lost: each field of each kind that compile reads changes what some proxy gets, or an issue says that it
//! is not supported.
//!
//! The fields come from the schemas, so a new one is tested from its first day. `fields/<kind>/` holds meshes in which
//! fields of the kind can matter: the first document is changed, the others stand beside it. A field passes when one
//! change of it in one of these meshes is seen. `fields/samples.yaml` has values for fields that need a certain one,
//! `fields/exceptions.yaml` the fields that have no effect on purpose. `FIELD=<part of a name>` tries some fields only.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test's report

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "fields/change.rs"]
mod change;
#[path = "fields/mesh.rs"]
mod mesh;
#[path = "fields/schema.rs"]
mod schema;

use change::Samples;
use mesh::{Mesh, Seen};

/// The kinds that compile reads (ProxyConfig is for injection alone), with the folder of their meshes and the file of
/// their schema.
const KINDS: [(&str, &str, &str); 9] = [
    ("AuthorizationPolicy", "authorization_policy", "../../../crds/yaml/authorizationpolicies.security.istio.io.yaml"),
    ("DestinationRule", "destination_rule", "../../../crds/yaml/destinationrules.networking.istio.io.yaml"),
    ("Gateway", "gateway", "../../../crds/yaml/gateways.networking.istio.io.yaml"),
    ("MeshConfig", "mesh_config", "fields/mesh_config.yaml"),
    ("PeerAuthentication", "peer_authentication", "../../../crds/yaml/peerauthentications.security.istio.io.yaml"),
    ("ServiceEntry", "service_entry", "../../../crds/yaml/serviceentries.networking.istio.io.yaml"),
    ("Sidecar", "sidecar", "../../../crds/yaml/sidecars.networking.istio.io.yaml"),
    ("VirtualService", "virtual_service", "../../../crds/yaml/virtualservices.networking.istio.io.yaml"),
    ("WorkloadEntry", "workload_entry", "../../../crds/yaml/workloadentries.networking.istio.io.yaml"),
];

#[test]
fn no_field_is_lost() {
    let samples = yaml(&tests().join("fields/samples.yaml"));
    let mut exceptions = exceptions();
    let mut wrong = Vec::new();
    let threads: Vec<_> = KINDS
        .map(|(kind, folder, schema)| {
            let samples = Samples::new(kind, &samples);
            (kind, std::thread::spawn(move || lost(kind, folder, &schema::read(&tests().join(schema)), &samples)))
        })
        .into();
    for (kind, thread) in threads {
        let (known, lost) = (exceptions.remove(kind).unwrap_or_default(), thread.join().expect("a kind panicked"));
        wrong.extend(lost.iter().filter(|(field, _)| !known.contains_key(*field)).map(|(field, tried)| {
            format!("{kind} {field}: it changes nothing, and no issue says that it is not supported\n{tried}")
        }));
        let needless = known.keys().filter(|field| only().is_empty() && !lost.contains_key(*field));
        wrong.extend(needless.map(|field| format!("{kind} {field}: fields/exceptions.yaml names it without need")));
    }
    assert!(wrong.is_empty(), "{} fields\n{}", wrong.len(), wrong.join("\n"));
}

/// The fields of a kind of which no change is seen, with what was tried.
fn lost(kind: &str, folder: &str, spec: &Value, samples: &Samples) -> BTreeMap<String, String> {
    let only = only();
    let mut meshes: Vec<Mesh> =
        files(&tests().join("fields").join(folder)).iter().map(|file| Mesh::read(file)).collect();
    let mut lost = BTreeMap::new();
    for field in schema::fields(spec) {
        if !format!("{kind} {}", field.name()).contains(&only) {
            continue;
        }
        let mut tried = Vec::new();
        let seen = meshes.iter_mut().any(|mesh| {
            let changes = change::changes(mesh.object(), spec, &field, samples);
            changes.into_iter().any(|change| {
                let refused = match mesh.try_change(&change) {
                    Seen::Effect => return true,
                    Seen::Nothing => String::new(),
                    Seen::Refused(why) => format!(" is refused: {why}"),
                };
                tried.push(format!("    {}: {} to {}{refused}", mesh.name(), change.path, change.value));
                false
            })
        });
        if !seen {
            lost.insert(field.name(), tried.join("\n"));
        }
    }
    lost
}

/// Part of the names of the fields to try; empty: all.
fn only() -> String {
    std::env::var_os("FIELD").unwrap_or_default().to_string_lossy().into_owned()
}

/// The fields that have no effect on purpose, with the reason, by kind.
fn exceptions() -> BTreeMap<String, BTreeMap<String, String>> {
    serde_json::from_value(yaml(&tests().join("fields/exceptions.yaml"))).expect("a reason for each field of each kind")
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn yaml(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}
