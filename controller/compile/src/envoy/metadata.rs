//! Metadata of resources under `istio`: where a route or cluster came from, for people and telemetry.

use std::collections::BTreeMap;

use heddle_model::object::{Kind as ObjectKind, ObjectRef};
use heddle_xds_api::{
    envoy::config::core::v3::Metadata,
    google::protobuf::{ListValue, Struct, Value, value::Kind},
};

/// Metadata that names an object by its API path, e.g. kind `virtual-service`.
#[must_use]
pub fn config(kind: &str, object: &ObjectRef) -> Metadata {
    istio([("config", text(&config_path(kind, object)))])
}

/// `/apis/networking.istio.io/v1/namespaces/<namespace>/<kind>/<name>`, unless it was made of an Ingress.
#[must_use]
pub fn config_path(kind: &str, object: &ObjectRef) -> String {
    let (group, kind) = match object.kind {
        ObjectKind::Ingress => ("networking.k8s.io", "ingress"),
        _ => ("networking.istio.io", kind),
    };
    format!("/apis/{group}/v1/namespaces/{}/{kind}/{}", object.namespace, object.name)
}

/// Metadata with these values under `istio`.
#[must_use]
pub fn istio<'a>(values: impl IntoIterator<Item = (&'a str, Value)>) -> Metadata {
    Metadata { filter_metadata: BTreeMap::from([("istio".into(), fields(values))]), ..Metadata::default() }
}

/// A structure of these values.
#[must_use]
pub fn fields<'a>(values: impl IntoIterator<Item = (&'a str, Value)>) -> Struct {
    Struct { fields: values.into_iter().map(|(key, value)| (key.into(), value)).collect() }
}

/// A text value.
#[must_use]
pub fn text(value: &str) -> Value {
    Value { kind: Some(Kind::StringValue(value.into())) }
}

/// A truth value.
#[must_use]
pub fn flag(value: bool) -> Value {
    Value { kind: Some(Kind::BoolValue(value)) }
}

/// A list.
#[must_use]
pub fn list(values: Vec<Value>) -> Value {
    Value { kind: Some(Kind::ListValue(ListValue { values })) }
}

/// A structure within another.
#[must_use]
pub fn nested(value: Struct) -> Value {
    Value { kind: Some(Kind::StructValue(value)) }
}

/// Metadata of several filters.
#[must_use]
pub fn filters<'a>(values: impl IntoIterator<Item = (&'a str, Struct)>) -> Metadata {
    let filter_metadata = values.into_iter().map(|(name, fields)| (name.into(), fields)).collect();
    Metadata { filter_metadata, ..Metadata::default() }
}
