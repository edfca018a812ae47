//! The workload that a pod belongs to, and the names and labels that follow from it.

use serde_json::Value;

use crate::context::Workload;
use crate::pod::{Object, Pod};

/// Label values are this long at most.
const LONGEST_LABEL: usize = 63;

/// The workload of a pod by its owner references, as far as the names of Kubernetes' own controllers tell it.
pub(crate) fn of_pod(pod: &Pod) -> Workload {
    let text = |object: &Object, key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let itself = Workload { api_version: "v1".into(), kind: "Pod".into(), name: text(&pod.metadata, "name") };
    let Some(owner) = controller(pod) else {
        let generated = text(&pod.metadata, "generateName");
        let name = if itself.name.is_empty() { generated.trim_end_matches('-').to_owned() } else { itself.name };
        return Workload { name, ..itself };
    };
    let owner =
        Workload { api_version: text(owner, "apiVersion"), kind: text(owner, "kind"), name: text(owner, "name") };
    let without_hash = |label: &str| {
        let hash = pod.labels.get(label).filter(|hash| !hash.is_empty())?;
        Some(owner.name.strip_suffix(hash.as_str())?.strip_suffix('-')?.to_owned())
    };
    let of = |kind: &str, name: String| Workload { api_version: owner.api_version.clone(), kind: kind.into(), name };
    match owner.kind.as_str() {
        "ReplicaSet" => {
            let deployment = without_hash("pod-template-hash").map(|name| of("Deployment", name));
            let rollout = || without_hash("rollouts-pod-template-hash").map(|name| of("Rollout", name));
            deployment.or_else(rollout).unwrap_or(owner)
        }
        "ReplicationController" => match pod.labels.get("deploymentconfig").filter(|name| !name.is_empty()) {
            Some(name) => of("DeploymentConfig", name.clone()),
            None => owner,
        },
        "Job" => match cron_job(&owner.name) {
            Some(name) => Workload { api_version: "batch/v1".into(), kind: "CronJob".into(), name: name.to_owned() },
            None => owner,
        },
        _ => owner,
    }
}

/// The canonical name of a pod's service, by which telemetry groups pods.
pub(crate) fn canonical_name(pod: &Pod, workload: &Workload) -> String {
    let labels = ["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"];
    let named = labels.iter().find_map(|label| pod.labels.get(*label).filter(|name| !name.is_empty()));
    let name = named.unwrap_or(&workload.name);
    let cut: String = name.chars().take(LONGEST_LABEL).collect();
    cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// The revision of that service.
pub(crate) fn canonical_revision(pod: &Pod) -> String {
    let labels = ["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"];
    let named = labels.iter().find_map(|label| pod.labels.get(*label).filter(|name| !name.is_empty()));
    named.map_or("latest", |name| name).to_owned()
}

/// The owner that controls the pod. Only pods whose name was generated are a controller's.
fn controller(pod: &Pod) -> Option<&Object> {
    pod.metadata.get("generateName").and_then(Value::as_str).filter(|name| !name.is_empty())?;
    let owners = pod.metadata.get("ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
    owner.as_object()
}

/// A CronJob names its Jobs by the minute of their time, in eight to ten digits.
fn cron_job(job: &str) -> Option<&str> {
    let (name, time) = job.rsplit_once('-')?;
    let is_time = (8..=10).contains(&time.len()) && time.bytes().all(|byte| byte.is_ascii_digit());
    (is_time && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(kind: &str, name: &str, labels: &Value) -> (String, String) {
        let pod = json!({"metadata": {"generateName": "x-", "labels": labels,
            "ownerReferences": [{"apiVersion": "v", "kind": "Other", "name": "o"},
                {"apiVersion": "v", "kind": kind, "name": name, "controller": true}]}});
        let found = of_pod(&Pod::parse(&pod).unwrap());
        (found.kind, found.name)
    }

    #[test]
    fn the_controllers_controller_is_found_by_names() {
        let pair = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
        let hashed = json!({"pod-template-hash": "7d4"});
        assert_eq!(workload("ReplicaSet", "web-7d4", &hashed), pair("Deployment", "web"));
        assert_eq!(workload("ReplicaSet", "web-zzz", &hashed), pair("ReplicaSet", "web-zzz"));
        let rollout = json!({"rollouts-pod-template-hash": "7d4"});
        assert_eq!(workload("ReplicaSet", "web-7d4", &rollout), pair("Rollout", "web"));
        assert_eq!(workload("Job", "tick-27936990", &json!({})), pair("CronJob", "tick"));
        assert_eq!(workload("Job", "tick-2793", &json!({})), pair("Job", "tick-2793"));
        assert_eq!(
            workload("ReplicationController", "dc-1", &json!({"deploymentconfig": "dc"})),
            pair("DeploymentConfig", "dc")
        );
    }

    #[test]
    fn canonical_names_are_labels() {
        let name = |labels: Value, workload: &str| {
            let pod = Pod::parse(&json!({"metadata": {"labels": labels}})).unwrap();
            canonical_name(&pod, &Workload { name: workload.to_owned(), ..Workload::default() })
        };
        assert_eq!(name(json!({"app": "a", "app.kubernetes.io/name": "b"}), "w"), "b");
        assert_eq!(name(json!({}), &format!("{}-{}", "a".repeat(62), "b")), "a".repeat(62));
    }
}
