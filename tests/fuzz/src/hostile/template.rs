//! Objects of each kind in which each field can matter, with the schema of the kind. They are those of heddle-compile's
//! test that no field is lost, so a new field is covered from its first day.

use std::path::Path;
use std::sync::LazyLock;

use heddle_crds::kind::IstioKind;
use heddle_crds::schema;
use heddle_yaml::Schema;
use serde_json::{Value, json};

/// The test of heddle-compile.
const FIELDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../controller/compile/tests/fields");
/// The kinds that compile reads, with the folder of their objects.
const KINDS: [(IstioKind, &str); 7] = [
    (IstioKind::DestinationRule, "destination_rule"),
    (IstioKind::Gateway, "gateway"),
    (IstioKind::PeerAuthentication, "peer_authentication"),
    (IstioKind::ServiceEntry, "service_entry"),
    (IstioKind::Sidecar, "sidecar"),
    (IstioKind::VirtualService, "virtual_service"),
    (IstioKind::WorkloadEntry, "workload_entry"),
];
/// How a MeshConfig is called here, which has neither kind nor name.
pub(super) const MESH_CONFIG: &str = "MeshConfig";

/// All kinds.
pub(super) static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let of_kind = |(kind, folder): (IstioKind, &str)| Template::of(schema::spec(kind), objects(folder));
    let mesh = |config: Value| json!({"kind": MESH_CONFIG, "metadata": {}, "spec": config});
    let meshes = objects("mesh_config").into_iter().map(mesh).collect();
    let of_mesh = Template::of(resolve(&documents(&Path::new(FIELDS).join("mesh_config.yaml")).remove(0)), meshes);
    KINDS.into_iter().map(of_kind).chain([of_mesh]).collect()
});

/// Values for fields that need a certain one, by the end of the field's name.
static SAMPLES: LazyLock<Value> = LazyLock::new(|| documents(&Path::new(FIELDS).join("samples.yaml")).remove(0));

/// One step from a value to a value within.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// To a member.
    Member(String),
    /// To an element of a list.
    Element,
    /// To an entry of a map.
    Entry,
}

/// A kind: its schema, all of its fields, and objects of it.
pub(super) struct Template {
    pub(super) schema: Value,
    pub(super) fields: Vec<Vec<Step>>,
    pub(super) objects: Vec<Value>,
}

impl Template {
    fn of(schema: Value, objects: Vec<Value>) -> Self {
        let mut fields = Vec::new();
        collect(&schema, &[], &mut fields);
        Self { schema, fields, objects }
    }
}

/// The objects that stand beside those of the templates.
pub(super) fn beside() -> Vec<Value> {
    let tests = Path::new(FIELDS);
    [tests.join("../base/shop.yaml"), tests.join("mesh.yaml")].iter().flat_map(|file| documents(file)).collect()
}

/// What stands where something is needed to hold a field: a sample by the longest end of the name, else an empty value.
pub(super) fn holder(names: &[String], schema: &Value) -> Value {
    let kind = schema["type"].as_str().unwrap_or_default();
    let fits = |value: &&Value| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        _ => false,
    };
    let mut samples = (0..names.len()).filter_map(|from| SAMPLES.get(names[from..].join("."))?.get(0));
    samples.find(fits).cloned().unwrap_or_else(|| match kind {
        "array" => json!([]),
        "object" => json!({}),
        _ => Value::Null,
    })
}

/// The members that exclude a member, as they are of one oneof.
pub(super) fn excluded<'s>(schema: &'s Value, member: &str) -> Vec<&'s str> {
    let rules = schema["allOf"].as_array().into_iter().flatten().chain(std::iter::once(schema));
    let oneof = |rule: &'s Value| -> Vec<&'s str> {
        let choices = rule["oneOf"].as_array().into_iter().flatten();
        choices.filter_map(|choice| choice.pointer("/required/0")?.as_str()).collect()
    };
    let mut others: Vec<&str> = rules.map(oneof).filter(|oneof| oneof.contains(&member)).flatten().collect();
    others.retain(|other| *other != member);
    others
}

/// The first documents of the files of a folder.
fn objects(folder: &str) -> Vec<Value> {
    let files = std::fs::read_dir(Path::new(FIELDS).join(folder)).into_iter().flatten().flatten();
    let mut files: Vec<_> = files.map(|entry| entry.path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no files");
    files.iter().map(|file| documents(file).remove(0)).collect()
}

fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let documents = heddle_yaml::values(&text, Schema::Yaml11).unwrap_or_default();
    assert!(!documents.is_empty(), "{} has no document", file.display());
    documents
}

/// All fields, those too that hold others.
fn collect(schema: &Value, steps: &[Step], found: &mut Vec<Vec<Step>>) {
    let members = schema["properties"].as_object().into_iter().flatten();
    let members = members.map(|(name, inner)| (Step::Member(name.clone()), inner));
    let of = |key: &str, step: Step| schema.get(key).filter(|inner| inner.is_object()).map(|inner| (step, inner));
    let others = [of("items", Step::Element), of("additionalProperties", Step::Entry)].into_iter().flatten();
    for (step, inner) in members.chain(others) {
        let steps = [steps, std::slice::from_ref(&step)].concat();
        found.push(steps.clone());
        collect(inner, &steps, found);
    }
}

/// Puts in place of `ref: [file, pointer]` the schema that it names: MeshConfig shares types with custom resources.
fn resolve(schema: &Value) -> Value {
    if let Some(reference) = schema["ref"].as_array() {
        let text = |at: usize| reference[at].as_str().unwrap_or_default();
        let is_of = |(kind, _): &&(IstioKind, &str)| text(0).starts_with(&format!("{}.", kind.info().plural));
        let found = KINDS.iter().find(is_of).and_then(|(kind, _)| schema::spec(*kind).pointer(text(1)).cloned());
        return found.unwrap_or_default();
    }
    match schema {
        Value::Object(members) => members.iter().map(|(name, inner)| (name.clone(), resolve(inner))).collect(),
        Value::Array(items) => items.iter().map(resolve).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_fields_and_the_references_lead_somewhere() {
        for template in TEMPLATES.iter() {
            assert!(!template.objects.is_empty() && template.fields.len() > 5, "{:?}", template.objects);
        }
        let mesh = TEMPLATES.last().expect("a MeshConfig");
        assert!(mesh.schema.pointer("/properties/tcpKeepalive/properties/probes").is_some(), "{}", mesh.schema);
    }
}
