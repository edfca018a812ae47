//! Arbitrary YAML: read, judged, ingested, compiled for every proxy.

use heddle_crds::kind::IstioKind;
use heddle_crds::validate::{self, Severity};
use heddle_store::object::Reading;
use heddle_store::{Event, Object, SourceId, Spec, custom_kind, documents};
use heddle_yaml::Schema;
use serde_json::Value;

use crate::{mesh, typed};

/// Reads `data` as a file that a user wrote, and judges all that comes of it.
pub fn run(data: &[u8]) {
    for document in heddle_yaml::read(data, Schema::Core) {
        document.content.iter().for_each(judge);
    }
    let (objects, _) = documents(data);
    if objects.is_empty() {
        return;
    }
    let mut store = mesh::store();
    for object in &objects {
        store.apply(Event::Apply(SourceId::Files, Box::new(object.clone())));
    }
    let snapshot = store.commit();
    mesh::check(&snapshot);
}

/// An object is accepted or refused, and never both: what validation accepts can be read, and what cannot be read it
/// refuses. It says the same twice, and an object means the same when it is written back.
pub(crate) fn judge(value: &Value) {
    let violations = validate::object(value);
    assert_eq!(violations, validate::object(value), "validated twice");
    let is_refused = violations.iter().any(|violation| violation.severity == Severity::Error);
    if let Reading::Object(object) = Object::read(value) {
        let is_custom = custom_kind(object.key.kind).is_some();
        let is_malformed = object.spec == Spec::Malformed;
        assert!(is_refused || !is_malformed || !is_custom, "accepted, and cannot be read: {:?}", object.issues);
    }
    if let Some(kind) =
        IstioKind::ALL.into_iter().find(|kind| value.get("kind").is_some_and(|name| name == kind.name()))
    {
        let is_read = typed::round_trip(kind, value.get("spec").unwrap_or(&Value::Null));
        assert!(is_refused || is_read, "accepted, and cannot be read: {value}");
    }
}
