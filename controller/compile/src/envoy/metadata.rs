//! Metadata of resources under `istio`: where a route or cluster came from, for people and telemetry.

use std::collections::BTreeMap;

use heddle_model::object::{Kind as ObjectKind, ObjectRef};
use heddle_xds_api::{
    envoy::config::core::v3::Metadata,
    google::protobuf::{ListValue, Struct, Value, value::Kind},
};

/// Metadata that names an object by its API path, e.g. kind `virtual-service`.
pub(crate) fn config(kind: &str, object: &ObjectRef) -> Metadata {
    istio([("config", text(&config_path(kind, object)))])
}

/// `/apis/networking.istio.io/v1/namespaces/<namespace>/<kind>/<name>`, unless it was made of an Ingress.
pub(crate) fn config_path(kind: &str, object: &ObjectRef) -> String {
    let (group, kind) = match object.kind {
        ObjectKind::Ingress => ("networking.k8s.io", "ingress"),
        _ => ("networking.istio.io", kind),
    };
    format!("/apis/{group}/v1/namespaces/{}/{kind}/{}", object.namespace, object.name)
}

/// Metadata with these values under `istio`.
pub(crate) fn istio<'a>(values: impl IntoIterator<Item = (&'a str, Value)>) -> Metadata {
    Metadata { filter_metadata: BTreeMap::from([("istio".into(), fields(values))]), ..Metadata::default() }
}

/// A structure of these values.
pub(crate) fn fields<'a>(values: impl IntoIterator<Item = (&'a str, Value)>) -> Struct {
    Struct { fields: values.into_iter().map(|(key, value)| (key.into(), value)).collect() }
}

/// A text value.
pub(crate) fn text(value: &str) -> Value {
    Value { kind: Some(Kind::StringValue(value.into())) }
}

/// A truth value.
pub(crate) fn flag(value: bool) -> Value {
    Value { kind: Some(Kind::BoolValue(value)) }
}

/// A list.
pub(crate) fn list(values: Vec<Value>) -> Value {
    Value { kind: Some(Kind::ListValue(ListValue { values })) }
}

/// A structure within another.
pub(crate) fn nested(value: Struct) -> Value {
    Value { kind: Some(Kind::StructValue(value)) }
}

/// Metadata of several filters.
pub(crate) fn filters<'a>(values: impl IntoIterator<Item = (&'a str, Struct)>) -> Metadata {
    let filter_metadata = values.into_iter().map(|(name, fields)| (name.into(), fields)).collect();
    Metadata { filter_metadata, ..Metadata::default() }
}
