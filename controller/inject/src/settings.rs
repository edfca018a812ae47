//! What is injected, as the operator set it: the mesh config, the values of the chart, and the injection config with
//! its overlays. All three are read leniently, as Helm writes them: a missing field or a null is the default.

use std::collections::BTreeMap;
use std::sync::Arc;

use heddle_crds::decode::decode_at;
use heddle_crds::mesh::MeshConfig;
use heddle_crds::mesh::mesh_config::InboundMode;
use heddle_model::mesh::Mesh;
use serde_json::Value;

use crate::InjectError;
use crate::pod::Object;

/// The operator's settings, ready to inject with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    mesh: MeshSettings,
    values: Arc<Value>,
    /// Injection's own config; the same names stand in the values under `sidecarInjectorWebhook`.
    config: Arc<Value>,
}

/// What injection reads of the mesh config.
#[derive(Debug, Clone, Default, PartialEq)]
struct MeshSettings {
    trust_domain: Option<String>,
    root_namespace: Option<String>,
    merges_metrics: Option<bool>,
    calls_loopback: bool,
    default_config: Arc<Object>,
}

/// Whether pods are injected that say nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// They are.
    Enabled,
    /// Only those that ask are.
    Disabled,
    /// Nothing is injected at all.
    Off,
}

impl Settings {
    /// Settings of a mesh config (`meshConfig`, with its `defaultConfig`) and the values of the chart (`global`,
    /// `sidecarInjectorWebhook`, `pilot`, `gateways`, `revision`).
    ///
    /// # Errors
    /// When one of them is no object, or the mesh config has a field that cannot be read.
    pub fn new(mesh: &Value, values: &Value) -> Result<Self, InjectError> {
        let object = |file: &'static str, value: &Value| match value {
            Value::Null => Ok(Value::Object(Object::new())),
            Value::Object(_) => Ok(without_nulls(value)),
            _ => Err(InjectError::Settings { file, reason: "not an object".to_owned() }),
        };
        let file = "mesh config";
        let mesh = decode_at::<MeshConfig>("", &object(file, mesh)?);
        let mesh = mesh.map_err(|error| InjectError::Settings { file, reason: error.to_string() })?.spec;
        Ok(Self { mesh: mesh.into(), values: Arc::new(object("values", values)?), config: Arc::default() })
    }

    /// The same settings in the mesh as the control plane knows it. It has read the mesh config already.
    #[must_use]
    pub fn in_mesh(&self, mesh: &Mesh) -> Self {
        Self { mesh: mesh.into(), ..self.clone() }
    }

    /// Adds the injection config: key `config` of the ConfigMap `istio-sidecar-injector`, with `policy`,
    /// `defaultTemplates`, `templates`, `aliases`, `alwaysInjectSelector`, `neverInjectSelector` and
    /// `injectedAnnotations`. What it does not set, the values do.
    ///
    /// # Errors
    /// When it is no object.
    pub fn with_config(mut self, config: &Value) -> Result<Self, InjectError> {
        if !config.is_object() && !config.is_null() {
            return Err(InjectError::Settings { file: "injection config", reason: "not an object".to_owned() });
        }
        self.config = Arc::new(without_nulls(config));
        Ok(self)
    }

    /// The names of the templates in the settings that are Go templates, which are not run; sorted.
    #[must_use]
    pub fn go_templates(&self) -> Vec<String> {
        let texts = self.templates();
        texts.into_iter().filter(|(_, text)| text.contains("{{")).map(|(name, _)| name).collect()
    }

    /// A text at a pointer such as `/global/proxy/logLevel`; numbers and booleans are texts too.
    pub(crate) fn text(&self, pointer: &str, default: &str) -> String {
        self.values.pointer(pointer).and_then(scalar).filter(|text| !text.is_empty()).unwrap_or(default.to_owned())
    }

    /// A number of the values.
    pub(crate) fn number(&self, pointer: &str, default: u64) -> u64 {
        self.set_number(pointer).unwrap_or(default)
    }

    /// A number that the values set.
    pub(crate) fn set_number(&self, pointer: &str) -> Option<u64> {
        self.values.pointer(pointer).and_then(scalar)?.parse().ok()
    }

    /// A switch of the values.
    pub(crate) fn flag(&self, pointer: &str, default: bool) -> bool {
        match self.values.pointer(pointer).and_then(scalar).as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => default,
        }
    }

    /// An object of the values that has something in it.
    pub(crate) fn object(&self, pointer: &str) -> Option<&Object> {
        self.values.pointer(pointer).and_then(Value::as_object).filter(|object| !object.is_empty())
    }

    /// The trust domain of the mesh's identities.
    pub(crate) fn trust_domain(&self) -> String {
        let fallback = || self.text("/global/trustDomain", "cluster.local");
        self.mesh.trust_domain.clone().unwrap_or_else(fallback)
    }

    /// Whether the application's metrics are served on one page with the proxy's, where the pod does not say.
    pub(crate) fn merges_metrics(&self) -> bool {
        self.mesh.merges_metrics.unwrap_or(true)
    }

    /// Whether the application is called on loopback.
    pub(crate) fn calls_loopback(&self) -> bool {
        self.mesh.calls_loopback
    }

    /// `defaultConfig` of the mesh config.
    pub(crate) fn default_config(&self) -> Object {
        (*self.mesh.default_config).clone()
    }

    /// The namespace of the mesh's own objects.
    pub(crate) fn root_namespace(&self) -> String {
        let fallback = || self.text("/global/istioNamespace", "istio-system");
        self.mesh.root_namespace.clone().unwrap_or_else(fallback)
    }

    /// The names of images to pull proxies with.
    pub(crate) fn pull_secrets(&self) -> Vec<String> {
        let list = self.values.pointer("/global/imagePullSecrets").and_then(Value::as_array);
        let name = |entry: &Value| entry.get("name").and_then(Value::as_str).or(entry.as_str()).map(str::to_owned);
        list.into_iter().flatten().filter_map(name).collect()
    }

    /// Whether pods are injected that say nothing about it.
    pub(crate) fn policy(&self) -> Policy {
        let policy = self.config.get("policy").and_then(scalar);
        match policy.unwrap_or_else(|| self.text("/global/proxy/autoInject", "enabled")).as_str() {
            "enabled" => Policy::Enabled,
            "disabled" => Policy::Disabled,
            _ => Policy::Off,
        }
    }

    /// The templates of a pod that names none.
    pub(crate) fn default_templates(&self) -> Vec<String> {
        let list = self.injection("defaultTemplates").and_then(Value::as_array);
        let names: Vec<_> = list.into_iter().flatten().filter_map(scalar).collect();
        if names.is_empty() { vec!["sidecar".to_owned()] } else { names }
    }

    /// The templates that a name stands for.
    pub(crate) fn alias(&self, name: &str) -> Option<Vec<String>> {
        let names = self.injection("aliases")?.get(name)?.as_array()?;
        Some(names.iter().filter_map(scalar).collect())
    }

    /// The text of an overlay.
    pub(crate) fn overlay(&self, name: &str) -> Option<String> {
        self.templates().remove(name)
    }

    /// A list of label selectors.
    pub(crate) fn selectors(&self, key: &str) -> &[Value] {
        self.injection(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Annotations that every injected pod gets.
    pub(crate) fn injected_annotations(&self) -> BTreeMap<String, String> {
        let given = self.injection("injectedAnnotations").and_then(Value::as_object);
        given.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), scalar(value)?))).collect()
    }

    fn injection(&self, key: &str) -> Option<&Value> {
        let in_values = || self.values.pointer("/sidecarInjectorWebhook")?.get(key);
        self.config.get(key).or_else(in_values)
    }

    fn templates(&self) -> BTreeMap<String, String> {
        let both = [self.values.pointer("/sidecarInjectorWebhook/templates"), self.config.get("templates")];
        let all = both.into_iter().flatten().filter_map(Value::as_object).flatten();
        all.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
    }
}

impl From<MeshConfig> for MeshSettings {
    fn from(config: MeshConfig) -> Self {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            trust_domain: said(config.trust_domain),
            root_namespace: said(config.root_namespace),
            merges_metrics: config.enable_prometheus_merge,
            calls_loopback: config.inbound_traffic_policy.is_some_and(|policy| policy.mode == InboundMode::Localhost),
            default_config: Arc::new(config.default_config.unwrap_or_default()),
        }
    }
}

impl From<&Mesh> for MeshSettings {
    fn from(mesh: &Mesh) -> Self {
        Self {
            trust_domain: Some(mesh.trust_domain.to_string()),
            root_namespace: Some(mesh.root_namespace.to_string()),
            merges_metrics: Some(mesh.merges_metrics),
            calls_loopback: mesh.inbound_localhost,
            default_config: mesh.proxy.written.clone(),
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The store reads the mesh config leniently too, so both ways end with the same settings.
    #[test]
    fn the_mesh_of_the_control_plane_replaces_the_one_read_here() {
        let default_config = json!({"concurrency": 3});
        let read = Settings::new(
            &json!({"trustDomain": "other", "rootNamespace": "root", "enablePrometheusMerge": false,
                "inboundTrafficPolicy": {"mode": "LOCALHOST"}, "defaultConfig": default_config}),
            &json!({"global": {"meshID": "m"}}),
        );
        let mut mesh = Mesh { inbound_localhost: true, merges_metrics: false, ..Mesh::default() };
        (mesh.trust_domain, mesh.root_namespace) = ("other".into(), "root".into());
        mesh.proxy.written = Arc::new(default_config.as_object().unwrap().clone());
        let plain = Settings::new(&Value::Null, &json!({"global": {"meshID": "m"}})).unwrap();
        assert_eq!(plain.in_mesh(&mesh), read.unwrap());
    }
}
