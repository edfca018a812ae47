//! Kubernetes' strategic merge: objects are merged, lists of things with a key by that key, other lists replaced.
//!
//! As with `kubectl patch`, entries that only the patch has come first, a null takes a field away, and
//! `$patch: delete` or `$patch: replace` act on the object that they stand in.

use std::collections::HashMap;

use serde_json::Value;

use crate::pod::{Object, Pod, name};

/// The fields of a pod whose lists are merged by a key, with that key. In a volume the source is replaced whole.
const KEYS: [(&str, &str); 11] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
    ("volumes", "name"),
    ("imagePullSecrets", "name"),
    ("env", "name"),
    ("ports", "containerPort"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("hostAliases", "ip"),
    ("topologySpreadConstraints", "topologyKey"),
];
/// A probe or hook does one of these; the patch's choice takes the place of another.
const ACTIONS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];
const DIRECTIVE: &str = "$patch";

/// Merges the patch into the base.
pub(crate) fn merge(base: &mut Object, patch: &Object) {
    if patch.get(DIRECTIVE).and_then(Value::as_str) == Some("replace") {
        base.clear();
    }
    let acts = |object: &Object| ACTIONS.iter().any(|action| object.get(*action).is_some_and(Value::is_object));
    if acts(patch) {
        base.retain(|key, _| !ACTIONS.contains(&key.as_str()) || patch.contains_key(key));
    }
    for (key, value) in patch.iter().filter(|(key, _)| *key != DIRECTIVE) {
        match (value, base.get_mut(key)) {
            (Value::Null, _) => {
                base.shift_remove(key);
            }
            (Value::Object(patch), Some(Value::Object(base))) => merge(base, patch),
            (Value::Array(patch), Some(Value::Array(base))) => merge_list(base, patch, key),
            (value, _) => {
                base.insert(key.clone(), clean(value));
            }
        }
    }
}

/// Merges a template into another, or an overlay into a template: labels and annotations by name, containers by name
/// wherever they stand, so that an overlay need not know whether the sidecar is a native one.
pub(crate) fn merge_pods(base: &mut Pod, patch: &Pod) {
    base.labels.extend(patch.labels.clone());
    base.annotations.extend(patch.annotations.clone());
    merge(&mut base.metadata, &patch.metadata);
    merge(&mut base.spec, &patch.spec);
    let is_init = |base: &Pod, wanted: &str| base.init.iter().any(|container| name(container) == wanted);
    let is_main = |base: &Pod, wanted: &str| base.containers.iter().any(|container| name(container) == wanted);
    for container in &patch.init {
        let list = if is_main(base, name(container)) { &mut base.containers } else { &mut base.init };
        merge_entry(list, container, false);
    }
    for container in &patch.containers {
        let list = if is_init(base, name(container)) { &mut base.init } else { &mut base.containers };
        merge_entry(list, container, false);
    }
    for volume in &patch.volumes {
        merge_entry(&mut base.volumes, volume, true);
    }
    for secret in &patch.secrets {
        merge_entry(&mut base.secrets, secret, false);
    }
}

fn merge_entry(list: &mut Vec<Object>, entry: &Object, whole: bool) {
    let at = list.iter().position(|other| name(other) == name(entry));
    if entry.get(DIRECTIVE).and_then(Value::as_str) == Some("delete") {
        at.map(|at| list.remove(at));
        return;
    }
    match at.and_then(|at| list.get_mut(at)) {
        None => list.push(entry.clone()),
        Some(base) if whole => replace_source(base, entry),
        Some(base) => merge(base, entry),
    }
}

/// A volume has one source, so what the patch does not name goes.
fn replace_source(base: &mut Object, patch: &Object) {
    base.retain(|key, _| patch.contains_key(key));
    merge(base, patch);
}

fn merge_list(base: &mut Vec<Value>, patch: &[Value], key: &str) {
    let Some((_, id)) = KEYS.iter().find(|(list, _)| *list == key) else {
        *base = patch.iter().map(clean).collect();
        return;
    };
    // By an index, because a pod's author chooses how long both lists are.
    let mut index: HashMap<_, usize> = HashMap::new();
    for (at, entry) in base.iter().enumerate() {
        if let Some(identity) = identity(entry, key, id) {
            index.entry(identity).or_insert(at);
        }
    }
    let mut first = Vec::new();
    for entry in patch {
        let identity = identity(entry, key, id);
        let at = identity.as_ref().and_then(|identity| index.get(identity)).copied();
        let deletes = entry.get(DIRECTIVE).and_then(Value::as_str) == Some("delete");
        match (at, entry) {
            (Some(at), _) if deletes => {
                identity.and_then(|identity| index.remove(&identity));
                base.get_mut(at).map(Value::take);
            }
            (None, _) if deletes => {}
            (Some(at), Value::Object(patch)) => {
                if let Some(Value::Object(base)) = base.get_mut(at) {
                    if key == "volumes" || key == "env" { replace_source(base, patch) } else { merge(base, patch) }
                }
            }
            _ => first.push(clean(entry)),
        }
    }
    base.retain(|entry| !entry.is_null());
    base.splice(0..0, first);
}

/// What an entry of a list is known by: the value of its key, and of a port the protocol too.
fn identity(entry: &Value, list: &str, id: &str) -> Option<(Value, String)> {
    let protocol = entry.get("protocol").and_then(Value::as_str).filter(|_| list == "ports").unwrap_or("TCP");
    Some((entry.get(id)?.clone(), protocol.to_owned()))
}

/// A value without the nulls and directives that only mean something to a merge.
fn clean(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(key, value)| *key != DIRECTIVE && !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), clean(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(clean).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pod::object;

    fn merged(base: Value, patch: Value) -> Value {
        let mut base = object(base);
        merge(&mut base, &object(patch));
        Value::Object(base)
    }

    #[test]
    fn lists_with_a_key_are_merged_by_it_and_others_replaced() {
        let base = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x", "y"]});
        let patch = json!({"env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}], "args": ["z"]});
        let want = json!({
            "env": [{"name": "C", "value": "4"}, {"name": "A", "value": "1"}, {"name": "B", "value": "3"}],
            "args": ["z"],
        });
        assert_eq!(merged(base, patch), want);
    }

    #[test]
    fn one_port_number_may_serve_two_protocols() {
        let base = json!({"ports": [{"containerPort": 53, "protocol": "UDP"}]});
        let patch = json!({"ports": [{"containerPort": 53, "name": "dns-tcp"}]});
        assert_eq!(merged(base, patch)["ports"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_null_and_the_directives_take_away() {
        let base = json!({"limits": {"cpu": "2", "memory": "1Gi"}, "probe": {"a": 1}, "env": [{"name": "A"}]});
        let patch = json!({
            "limits": {"cpu": null}, "probe": {"$patch": "replace", "b": 2}, "env": [{"name": "A", "$patch": "delete"}],
        });
        assert_eq!(merged(base, patch), json!({"limits": {"memory": "1Gi"}, "probe": {"b": 2}, "env": []}));
        assert_eq!(merged(json!({}), json!({"a": {"b": null, "c": 1}})), json!({"a": {"c": 1}}));
    }

    #[test]
    fn a_probe_does_one_thing() {
        let base = json!({"readinessProbe": {"httpGet": {"port": 1}, "periodSeconds": 5}});
        let patch = json!({"readinessProbe": {"tcpSocket": {"port": 2}}});
        assert_eq!(merged(base, patch), json!({"readinessProbe": {"periodSeconds": 5, "tcpSocket": {"port": 2}}}));
    }

    #[test]
    fn a_variable_has_one_source() {
        let base = json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]});
        let patch = json!({"env": [{"name": "A", "value": "1"}]});
        assert_eq!(merged(base, patch), json!({"env": [{"name": "A", "value": "1"}]}));
    }

    #[test]
    fn an_overlay_finds_the_container_in_either_list() {
        let parse = |value| Pod::parse(&value).unwrap();
        let mut base = parse(json!({"spec": {"initContainers": [{"name": "istio-proxy", "image": "a"}],
            "volumes": [{"name": "v", "emptyDir": {}}]}}));
        let overlay = parse(json!({"spec": {"containers": [{"name": "istio-proxy", "tty": true}],
            "volumes": [{"name": "v", "csi": {"driver": "d"}}]}}));
        merge_pods(&mut base, &overlay);
        assert!(base.containers.is_empty());
        assert_eq!(base.init, [object(json!({"name": "istio-proxy", "image": "a", "tty": true}))]);
        assert_eq!(base.volumes, [object(json!({"name": "v", "csi": {"driver": "d"}}))]);
    }
}
