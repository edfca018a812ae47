//! `sidecar.istio.io/status`: what an injection added to a pod, so that the next can take it away again.

use serde_json::{Value, json};

use crate::pod::{Object, Pod, name};

/// The names of what was added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Init containers.
    pub(crate) init: Vec<String>,
    /// Containers.
    pub(crate) containers: Vec<String>,
    /// Volumes.
    pub(crate) volumes: Vec<String>,
    /// Secrets that images are pulled with.
    pub(crate) secrets: Vec<String>,
    /// The revision that injected.
    pub(crate) revision: String,
}

impl Status {
    /// What a template is about to add to a pod. Volumes and secrets that the pod has itself are not added.
    pub(crate) fn of(template: &Pod, pod: &Pod, revision: &str) -> Self {
        let names = |list: &[Object]| list.iter().map(|entry| name(entry).to_owned()).collect();
        let new = |list: &[Object], have: &[Object]| -> Vec<String> {
            let is_new = |entry: &&Object| have.iter().all(|other| name(other) != name(entry));
            list.iter().filter(is_new).map(|entry| name(entry).to_owned()).collect()
        };
        Self {
            init: names(&template.init),
            containers: names(&template.containers),
            volumes: new(&template.volumes, &pod.volumes),
            secrets: new(&template.secrets, &pod.secrets),
            revision: revision.to_owned(),
        }
    }

    /// Reads the annotation; none where it is not what an injection writes.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let names = |key: &str| {
            let list = value.get(key).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        value.is_object().then(|| Self {
            init: names("initContainers"),
            containers: names("containers"),
            volumes: names("volumes"),
            secrets: names("imagePullSecrets"),
            revision: value.get("revision").and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
    }

    /// The annotation's text, as istiod writes it: an empty list is null.
    pub(crate) fn text(&self) -> String {
        let list = |names: &[String]| if names.is_empty() { Value::Null } else { json!(names) };
        json!({
            "initContainers": list(&self.init),
            "containers": list(&self.containers),
            "volumes": list(&self.volumes),
            "imagePullSecrets": list(&self.secrets),
            "revision": self.revision,
        })
        .to_string()
    }
}
