//! How objects of Kubernetes are read into types.

use std::collections::BTreeMap;

use base64::Engine;
use k8s_openapi::api::admissionregistration::v1::WebhookClientConfig;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A webhook of either kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Webhook {
    /// Name.
    pub(crate) name: String,
    /// Where it is.
    #[serde(rename = "clientConfig")]
    pub(crate) client: WebhookClientConfig,
    /// The namespaces whose objects it gets.
    #[serde(rename = "namespaceSelector")]
    pub(crate) namespaces: Option<LabelSelector>,
    /// The objects that it gets.
    #[serde(rename = "objectSelector")]
    pub(crate) objects: Option<LabelSelector>,
}

/// The group and kind that a CustomResourceDefinition defines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defined {
    /// API group.
    pub(crate) group: String,
    /// Kind.
    pub(crate) kind: String,
}

/// A Gateway of the Gateway API.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KubernetesGateway {
    /// Its listeners.
    pub(crate) listeners: Vec<Listener>,
}

/// A listener of a Gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Listener {
    /// The host; none stands for all.
    pub(crate) hostname: Option<String>,
}

/// Reads the `spec` of an object; no `spec` is an empty one.
pub(crate) fn spec<T: DeserializeOwned + Default>(object: &Value) -> Result<T, String> {
    match object.get("spec") {
        None | Some(Value::Null) => Ok(T::default()),
        Some(spec) => T::deserialize(spec).map_err(|error| format!("spec: {error}")),
    }
}

/// Nothing is read of the object but its metadata.
#[allow(clippy::unnecessary_wraps, reason = "the table of kinds calls all readers in one way")]
pub(crate) fn nothing(_: &Value) -> Result<(), String> {
    Ok(())
}

/// The keys of a Secret: `data`, and over it `stringData`.
pub(crate) fn secret(object: &Value) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut keys = BTreeMap::new();
    for (key, value) in entries(object, "data") {
        let decoded = base64::engine::general_purpose::STANDARD.decode(value);
        keys.insert(key.clone(), decoded.map_err(|_| format!("data.{key}: it is not base64"))?);
    }
    keys.extend(entries(object, "stringData").map(|(key, value)| (key.clone(), value.as_bytes().to_vec())));
    Ok(keys)
}

/// The keys of a ConfigMap.
#[allow(clippy::unnecessary_wraps, reason = "the table of kinds calls all readers in one way")]
pub(crate) fn config_map(object: &Value) -> Result<BTreeMap<String, String>, String> {
    Ok(entries(object, "data").map(|(key, value)| (key.clone(), value.to_owned())).collect())
}

fn entries<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a str)> {
    let map = object.get(field).and_then(Value::as_object);
    map.into_iter().flatten().filter_map(|(key, value)| Some((key, value.as_str()?)))
}

/// The kind that a CustomResourceDefinition defines.
#[allow(clippy::unnecessary_wraps, reason = "the table of kinds calls all readers in one way")]
pub(crate) fn definition(object: &Value) -> Result<Defined, String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Defined { group: text("/spec/group"), kind: text("/spec/names/kind") })
}

/// The webhooks of a configuration of either kind.
pub(crate) fn webhooks(object: &Value) -> Result<Vec<Webhook>, String> {
    let webhooks = object.get("webhooks").unwrap_or(&Value::Null);
    let read = Option::<Vec<Webhook>>::deserialize(webhooks).map_err(|error| format!("webhooks: {error}"))?;
    Ok(read.unwrap_or_default())
}
