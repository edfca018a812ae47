//! Probes and hooks of the application that ask over the network. The kubelet would have to speak mTLS to get through
//! the proxy, so it asks the agent, which asks the application from inside the pod.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::pod::{Object, Pod, name};
use crate::strip::variable;
use crate::{INIT, PROXY, VALIDATION};

/// The variable by which the agent knows what to ask.
const VARIABLE: &str = "ISTIO_KUBE_APP_PROBERS";
/// Where they stand in a container, and what their page is called.
const PROBES: [(&str, &str); 3] =
    [("readinessProbe", "readyz"), ("livenessProbe", "livez"), ("startupProbe", "startupz")];
const HOOKS: [(&str, &str); 2] = [("preStop", "prestopz"), ("postStart", "poststartz")];

type Probers = BTreeMap<String, Value>;

/// Points the probes and hooks to the agent, and tells it what they were.
pub(crate) fn rewrite(pod: &mut Pod, port: u16) {
    if !pod.every_container().any(|container| name(container) == PROXY) {
        return;
    }
    let mut probers = Probers::new();
    for container in pod.init.iter_mut().filter(|container| is_sidecar(container)).chain(&mut pod.containers) {
        if !matches!(name(container), PROXY | INIT | VALIDATION) {
            each_action(container, |page, action, ports| {
                if let Some(prober) = point(action, &page, port, ports) {
                    probers.insert(page, prober);
                }
            });
        }
    }
    if probers.is_empty() {
        return;
    }
    let text = json!(probers).to_string();
    for container in pod.init.iter_mut().chain(&mut pod.containers).filter(|container| name(container) == PROXY) {
        set_variable(container, VARIABLE, &text);
    }
}

/// Gives the probes and hooks back what an earlier injection replaced.
pub(crate) fn restore(pod: &mut Pod, former: &Object) {
    let Some(probers) = variable(former, VARIABLE).and_then(|text| serde_json::from_str::<Probers>(text).ok()) else {
        return;
    };
    for container in pod.init.iter_mut().chain(&mut pod.containers) {
        each_action(container, |page, action, _| {
            let path = action.get("httpGet").and_then(|http| http.get("path")).and_then(Value::as_str);
            let Some(Value::Object(prober)) = probers.get(&page).filter(|_| path == Some(&page)) else { return };
            action.shift_remove("httpGet");
            action.extend(prober.clone());
        });
    }
}

/// Sets a variable of a container, after those that are there.
pub(crate) fn set_variable(container: &mut Object, name: &str, value: &str) {
    let variable = json!({"name": name, "value": value});
    match container.get_mut("env") {
        Some(Value::Array(all)) => {
            all.retain(|other| other.get("name").and_then(Value::as_str) != Some(name));
            all.push(variable);
        }
        _ => {
            container.insert("env".to_owned(), json!([variable]));
        }
    }
}

/// An init container that goes on running has probes; others have none.
fn is_sidecar(container: &Object) -> bool {
    container.get("restartPolicy").and_then(Value::as_str) == Some("Always")
}

fn each_action(container: &mut Object, mut act: impl FnMut(String, &mut Object, &BTreeMap<String, u64>)) {
    let (ports, name) = (named_ports(container), name(container).to_owned());
    for (key, page) in PROBES {
        if let Some(Value::Object(probe)) = container.get_mut(key) {
            act(format!("/app-health/{name}/{page}"), probe, &ports);
        }
    }
    let Some(Value::Object(hooks)) = container.get_mut("lifecycle") else { return };
    for (key, page) in HOOKS {
        if let Some(Value::Object(hook)) = hooks.get_mut(key) {
            act(format!("/app-lifecycle/{name}/{page}"), hook, &ports);
        }
    }
}

fn named_ports(container: &Object) -> BTreeMap<String, u64> {
    let ports = container.get("ports").and_then(Value::as_array).into_iter().flatten();
    let named = |port: &Value| Some((port.get("name")?.as_str()?.to_owned(), port.get("containerPort")?.as_u64()?));
    ports.filter_map(named).collect()
}

/// Points one action to the agent; returns what it was. A command, or a port that cannot be told, stays as it is.
fn point(action: &mut Object, page: &str, port: u16, ports: &BTreeMap<String, u64>) -> Option<Value> {
    let kind =
        ["httpGet", "tcpSocket", "grpc"].into_iter().find(|kind| action.get(*kind).is_some_and(Value::is_object))?;
    let Some(Value::Object(asked)) = action.get(kind).cloned() else { return None };
    let number = match asked.get("port")? {
        Value::String(name) => ports.get(name).copied().or_else(|| name.parse().ok())?,
        number => number.as_u64()?,
    };
    if number == u64::from(port) {
        return None;
    }
    let mut known = asked.clone();
    known.insert("port".to_owned(), number.into());
    let mut prober = Object::from_iter([(kind.to_owned(), Value::Object(known))]);
    prober.extend(action.get("timeoutSeconds").map(|seconds| ("timeoutSeconds".to_owned(), seconds.clone())));
    let mut http = if kind == "httpGet" { asked } else { Object::new() };
    http.insert("path".to_owned(), page.into());
    http.insert("port".to_owned(), port.into());
    if http.get("scheme").and_then(Value::as_str) == Some("HTTPS") {
        http.insert("scheme".to_owned(), "HTTP".into());
    }
    action.shift_remove(kind);
    action.insert("httpGet".to_owned(), Value::Object(http));
    Some(Value::Object(prober))
}
