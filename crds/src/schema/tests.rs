//! The definitions are what the API server wants.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{crd, limits, spec};
use crate::kind::IstioKind;

/// Calls `visit` with each node that is a schema.
fn walk(node: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
    let Some(members) = node.as_object() else { return };
    visit(members);
    for schema in members.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::values) {
        walk(schema, visit);
    }
    for key in ["items", "additionalProperties"] {
        walk(members.get(key).unwrap_or(&Value::Null), visit);
    }
}

#[test]
fn schemas_are_structural() {
    let known: BTreeSet<&str> = [
        "additionalProperties",
        "allOf",
        "description",
        "enum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    ]
    .into();
    for kind in IstioKind::ALL {
        walk(&spec(kind), &mut |node| {
            assert!(node.get("type").is_some_and(Value::is_string), "{kind}: {node:?}");
            let unknown: Vec<&String> = node.keys().filter(|key| !known.contains(key.as_str())).collect();
            assert_eq!(unknown, [""; 0], "{kind}: {node:?}");
        });
    }
}

#[test]
fn every_field_is_described() {
    for kind in IstioKind::ALL {
        walk(&spec(kind), &mut |node| {
            for (name, field) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
                assert!(field.get("description").is_some(), "{kind}: {name}");
            }
        });
    }
}

/// A limit that hits no place would be one that nobody misses.
#[test]
fn every_limit_holds_somewhere() {
    let all: String = IstioKind::ALL.into_iter().map(|kind| spec(kind).to_string()).collect();
    for (place, limit) in limits::all() {
        for value in limit.as_object().into_iter().flat_map(Map::values) {
            let text = value.to_string();
            // Lists are merged, so their elements are looked for.
            let text = text.trim_start_matches('[').trim_end_matches(']');
            assert!(all.contains(text), "{place}: {text}");
        }
    }
}

/// A limit of an enum is whole: one name more would be one that validation alone refuses.
#[test]
fn an_enum_is_held_to_its_limit() {
    let sidecar = spec(IstioKind::Sidecar);
    let modes = sidecar.pointer("/properties/outboundTrafficPolicy/properties/mode/enum");
    assert_eq!(modes, Some(&serde_json::json!(["REGISTRY_ONLY", "ALLOW_ANY"])));
}

#[test]
fn definitions_have_one_storage_version() {
    for kind in IstioKind::ALL {
        let crd = crd(kind);
        let versions = crd.pointer("/spec/versions").and_then(Value::as_array).cloned().unwrap_or_default();
        let stored = versions.iter().filter(|version| version["storage"] == true).count();
        assert_eq!((versions.len(), stored), (kind.info().versions.len(), 1), "{kind}");
        assert!(versions.windows(2).all(|pair| pair[0]["schema"] == pair[1]["schema"]), "{kind}");
    }
}
