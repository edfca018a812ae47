//! One page of metrics a pod: Prometheus is sent to the agent, which asks the application where its annotations said.

use serde_json::{Value, json};

use crate::annotation::list;
use crate::pod::{Object, Pod, name};
use crate::probe::set_variable;
use crate::strip::variable;
use crate::{PROXY, annotation};

const VARIABLE: &str = "ISTIO_PROMETHEUS_ANNOTATIONS";
const PATH: &str = "/stats/prometheus";
const KEYS: [&str; 3] = ["scrape", "path", "port"];

/// Sends Prometheus to the agent, unless the pod is not to be asked at all.
pub(crate) fn merge(pod: &mut Pod, status_port: u16) {
    let said = |key: &str| said(pod, key).unwrap_or_default();
    if said("scrape") == "false" || !pod.every_container().any(|container| name(container) == PROXY) {
        return;
    }
    let targets: Vec<Value> =
        pod.annotations.get(annotation::SCRAPE_TARGETS).map(|text| targets(text)).unwrap_or_default();
    let first = |key: &str| targets.first().and_then(|target| target.get(key)?.as_str()).unwrap_or_default().to_owned();
    let or = |text: String, fallback: String| if text.is_empty() { fallback } else { text };
    let (scrape, path, port) = (said("scrape"), or(said("path"), first("path")), or(said("port"), first("port")));
    let mut asked = crate::pod::object(json!({"scrape": scrape, "path": path, "port": port}));
    let says_something = asked.values().any(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    if !targets.is_empty() {
        asked.insert("targets".to_owned(), Value::Array(targets));
    }
    pod.annotations
        .retain(|key, _| key != annotation::SCRAPE_TARGETS && !KEYS.iter().any(|wanted| is_named(key, wanted)));
    for (key, value) in [("scrape", "true".to_owned()), ("path", PATH.to_owned()), ("port", status_port.to_string())] {
        pod.annotations.insert(format!("prometheus.io/{key}"), value);
    }
    if says_something {
        let text = Value::Object(asked).to_string();
        for container in pod.init.iter_mut().chain(&mut pod.containers).filter(|container| name(container) == PROXY) {
            set_variable(container, VARIABLE, &text);
        }
    }
}

/// Gives the pod back the annotations that an earlier injection replaced.
pub(crate) fn restore(pod: &mut Pod, former: &Object) {
    if said(pod, "path").as_deref() != Some(PATH) {
        return;
    }
    pod.annotations.retain(|key, _| !KEYS.iter().any(|wanted| is_named(key, wanted)));
    let asked: Value = variable(former, VARIABLE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for key in KEYS {
        if let Some(value) = asked.get(key).and_then(Value::as_str).filter(|value| !value.is_empty()) {
            pod.annotations.insert(format!("prometheus.io/{key}"), value.to_owned());
        }
    }
    let targets = asked.get("targets").and_then(Value::as_array).into_iter().flatten();
    let target = |target: &Value| Some(format!("{}:{}", target.get("port")?.as_str()?, target.get("path")?.as_str()?));
    let targets: Vec<String> = targets.filter_map(target).collect();
    if !targets.is_empty() {
        pod.annotations.insert(annotation::SCRAPE_TARGETS.to_owned(), targets.join(","));
    }
}

/// Prometheus takes any character that a label cannot have for an underscore, so several spellings mean one annotation.
fn is_named(annotation: &str, key: &str) -> bool {
    let plain: String = annotation.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    plain == format!("prometheus_io_{key}")
}

fn said(pod: &Pod, key: &str) -> Option<String> {
    pod.annotations.iter().find(|(name, _)| is_named(name, key)).map(|(_, value)| value.clone())
}

/// Further pages of the application: `8080:/metrics,9100:/more`.
fn targets(text: &str) -> Vec<Value> {
    let target = |entry: &str| {
        let (port, path) = entry.split_once(':').unwrap_or((entry, "/metrics"));
        port.parse::<u16>().is_ok().then(|| json!({"port": port, "path": path}))
    };
    list(text).filter_map(target).collect()
}
