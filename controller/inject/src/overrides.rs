//! `proxy.istio.io/overrides`: containers that the user wrote and a template then merged into, as the user wrote them.
//!
//! The text is the one that istiod writes, field for field in the order of Kubernetes' Go types, so that either control
//! plane takes a pod of the other for its own.

use serde_json::{Value, json};

use crate::pod::quantity::canonical_resources;
use crate::pod::{Object, name};

const CONTAINER: &[&str] = &[
    "name",
    "image",
    "command",
    "args",
    "workingDir",
    "ports",
    "envFrom",
    "env",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "volumeMounts",
    "volumeDevices",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
];
const PROBE: &[&str] = &[
    "exec",
    "httpGet",
    "tcpSocket",
    "grpc",
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
    "terminationGracePeriodSeconds",
];
const HTTP: &[&str] = &["path", "port", "host", "scheme", "httpHeaders"];
const SECURITY: &[&str] = &[
    "capabilities",
    "privileged",
    "seLinuxOptions",
    "windowsOptions",
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "readOnlyRootFilesystem",
    "allowPrivilegeEscalation",
    "procMount",
    "seccompProfile",
    "appArmorProfile",
];
const PORT: &[&str] = &["name", "hostPort", "containerPort", "protocol", "hostIP"];
const MOUNT: &[&str] =
    &["name", "readOnly", "recursiveReadOnly", "mountPath", "subPath", "mountPropagation", "subPathExpr"];
const VARIABLE: &[&str] = &["name", "value", "valueFrom"];

/// The user's containers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Overrides {
    /// That the template has among the init containers.
    pub(crate) init: Vec<Object>,
    /// That it has among the containers.
    pub(crate) containers: Vec<Object>,
}

impl Overrides {
    /// Reads the annotation; what cannot be read is empty.
    pub(crate) fn read(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let list = |key: &str| {
            let entries = value.get(key).and_then(Value::as_array).into_iter().flatten();
            entries.filter_map(Value::as_object).filter(|entry| !name(entry).is_empty()).cloned().collect()
        };
        Self { init: list("initContainers"), containers: list("containers") }
    }

    /// The annotation's text; none when there is nothing to say.
    pub(crate) fn text(&self) -> Option<String> {
        let mut out = Object::new();
        for (key, list) in [("containers", &self.containers), ("initContainers", &self.init)] {
            if !list.is_empty() {
                out.insert(key.to_owned(), Value::Array(list.iter().map(container).collect()));
            }
        }
        (!out.is_empty()).then(|| Value::Object(out).to_string())
    }
}

fn container(container: &Object) -> Value {
    let mut container = container.clone();
    let resources = container.entry("resources").or_insert_with(|| json!({}));
    if let Value::Object(resources) = resources {
        canonical_resources(resources);
    }
    in_order(&Value::Object(container), CONTAINER)
}

/// Fields in the order of the list, others after them by name.
fn in_order(value: &Value, order: &[&str]) -> Value {
    match value {
        Value::Object(object) => {
            let place = |key: &str| order.iter().position(|known| *known == key).unwrap_or(order.len());
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_by_key(|key| (place(key), key.as_str()));
            let entry = |key: &String| Some((key.clone(), in_order(object.get(key)?, order_of(key))));
            Value::Object(keys.into_iter().filter_map(entry).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(|entry| in_order(entry, order)).collect()),
        other => other.clone(),
    }
}

fn order_of(key: &str) -> &'static [&'static str] {
    match key {
        "livenessProbe" | "readinessProbe" | "startupProbe" | "preStop" | "postStart" => PROBE,
        "httpGet" => HTTP,
        "securityContext" => SECURITY,
        "ports" => PORT,
        "volumeMounts" => MOUNT,
        "env" | "httpHeaders" => VARIABLE,
        "grpc" | "tcpSocket" => &["port", "service", "host"],
        _ => &[],
    }
}
