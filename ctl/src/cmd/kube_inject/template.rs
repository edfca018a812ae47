//! Where the pods of an object are.

use heddle_inject::Workload;
use serde_json::{Map, Value};

/// Kinds whose pods stand in a template.
const TEMPLATES: [&str; 7] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "ReplicationController", "DeploymentConfig"];
/// Lists of lists are read to this depth.
const DEEPEST: usize = 4;

/// A pod, or the template of one.
#[derive(Debug, PartialEq)]
pub(super) struct PodTemplate {
    /// JSON pointer to it.
    pub(super) pointer: String,
    /// The namespace of its object, where it names one.
    pub(super) namespace: Option<String>,
    /// The workload, if it is not the pod itself.
    pub(super) workload: Option<Workload>,
    /// What to call it in messages.
    pub(super) name: String,
    /// Where new labels and annotations go instead of the template's own metadata. istioctl writes those of a CronJob
    /// into the metadata of its Jobs, and so do we.
    pub(super) metadata: Option<String>,
}

/// The pods of an object, also of the items of a List.
pub(super) fn pod_templates(object: &Value) -> Vec<PodTemplate> {
    let mut out = Vec::new();
    collect(object, "", 0, &mut out);
    out
}

/// What says that a pod is injected stays with the pod, and so does what sends Prometheus to it.
const OF_THE_POD: [&str; 2] = ["sidecar.istio.io/status", "istio.io/rev"];

/// Takes the labels and annotations that an injection added out of a pod template's metadata.
pub(super) fn take_added(before: &Value, after: &mut Value) -> Value {
    let mut out = Map::new();
    for key in ["labels", "annotations"] {
        let had = |name: &str| before.pointer(&format!("/metadata/{key}")).is_some_and(|had| had.get(name).is_some());
        let stays = |name: &str| had(name) || OF_THE_POD.contains(&name) || name.starts_with("prometheus.io/");
        let Some(Value::Object(now)) = after.pointer_mut(&format!("/metadata/{key}")) else { continue };
        let (kept, added): (Map<_, _>, Map<_, _>) = std::mem::take(now).into_iter().partition(|(name, _)| stays(name));
        *now = kept;
        if now.is_empty() {
            after.get_mut("metadata").and_then(Value::as_object_mut).map(|metadata| metadata.shift_remove(key));
        }
        if !added.is_empty() {
            out.insert(key.to_owned(), Value::Object(added));
        }
    }
    Value::Object(out)
}

/// Adds what was taken to the metadata at a pointer.
pub(super) fn put_added(object: &mut Value, pointer: &str, added: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    let Some(Value::Object(parent)) = object.pointer_mut(parent) else { return };
    let metadata = parent.entry(key).or_insert_with(|| Value::Object(Map::new()));
    let (Value::Object(metadata), Value::Object(added)) = (metadata, added) else { return };
    for (key, texts) in added {
        match (metadata.entry(key).or_insert_with(|| Value::Object(Map::new())), texts) {
            (Value::Object(have), Value::Object(texts)) => have.extend(texts),
            (other, texts) => *other = texts,
        }
    }
}

fn collect(object: &Value, pointer: &str, depth: usize, out: &mut Vec<PodTemplate>) {
    let text = |key: &str| object.pointer(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text("/kind");
    let template = match kind.as_str() {
        "List" => {
            let items = object.get("items").and_then(Value::as_array).filter(|_| depth < DEEPEST);
            for (index, item) in items.into_iter().flatten().enumerate() {
                collect(item, &format!("{pointer}/items/{index}"), depth + 1, out);
            }
            return;
        }
        "Pod" => "",
        "CronJob" => "/spec/jobTemplate/spec/template",
        kind if TEMPLATES.contains(&kind) => "/spec/template",
        _ => return,
    };
    if object.pointer(template).is_none_or(|pod| pod.get("spec").is_none()) {
        return;
    }
    let name = text("/metadata/name");
    out.push(PodTemplate {
        pointer: format!("{pointer}{template}"),
        namespace: Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty()),
        name: format!("{kind} {name}"),
        metadata: (kind == "CronJob").then(|| format!("{pointer}/spec/jobTemplate/metadata")),
        workload: (kind != "Pod").then(|| Workload { api_version: text("/apiVersion"), kind, name }),
    });
}
