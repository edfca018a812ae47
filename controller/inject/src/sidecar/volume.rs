//! The volumes of the proxy, and where it finds them.

use serde_json::{Value, json};

use crate::annotation as names;
use crate::plan::Plan;
use crate::pod::{Object, object};

/// A volume of every proxy: its name, where it is mounted, its source.
type Volume = (&'static str, &'static str, Value);

/// The volumes that the template adds.
pub(crate) fn volumes(plan: &Plan<'_>) -> Vec<Object> {
    let mut out: Vec<Object> = standard(plan).into_iter().map(|(name, _, source)| named(name, &source)).collect();
    if plan.settings.flag("/global/mountMtlsCerts", false) {
        let account = plan.pod.spec_text("serviceAccountName").unwrap_or("default");
        out.push(named(
            "istio-certs",
            &json!({"secret": {"optional": true, "secretName": format!("istio.{account}")}}),
        ));
    }
    if let Some(map) = plan.annotation(names::BOOTSTRAP) {
        out.push(named("custom-bootstrap-volume", &json!({"configMap": {"name": map}})));
    }
    out.extend(by_name(plan.annotation(names::USER_VOLUME)));
    out
}

/// Where the proxy finds them.
pub(crate) fn mounts(plan: &Plan<'_>) -> Value {
    let mount = |(name, path, _): Volume| object(json!({"name": name, "mountPath": path}));
    let mut out: Vec<Object> = standard(plan).into_iter().map(mount).collect();
    if plan.settings.flag("/global/mountMtlsCerts", false) {
        out.push(object(json!({"name": "istio-certs", "mountPath": "/etc/certs/", "readOnly": true})));
    }
    if plan.annotation(names::BOOTSTRAP).is_some() {
        out.push(object(json!({"name": "custom-bootstrap-volume", "mountPath": "/etc/istio/custom-bootstrap"})));
    }
    out.extend(by_name(plan.annotation(names::USER_MOUNT)));
    Value::Array(out.into_iter().map(Value::Object).collect())
}

/// The secrets that the proxy's image is pulled with.
pub(crate) fn pull_secrets(plan: &Plan<'_>) -> Vec<Object> {
    plan.settings.pull_secrets().into_iter().map(|name| object(json!({"name": name}))).collect()
}

fn standard(plan: &Plan<'_>) -> Vec<Volume> {
    let field = |name: &str| json!({"path": name, "fieldRef": {"fieldPath": format!("metadata.{name}")}});
    let audience = plan.settings.text("/global/sds/token/aud", "istio-ca");
    let token = json!({"path": "istio-token", "expirationSeconds": 43200, "audience": audience});
    let root = plan.settings.text("/global/trustBundleName", "istio-ca-root-cert");
    let revoked = plan.settings.text("/pilot/crlConfigMapName", "istio-ca-crl");
    let empty = json!({"emptyDir": {}});
    vec![
        ("workload-socket", "/var/run/secrets/workload-spiffe-uds", empty.clone()),
        ("credential-socket", "/var/run/secrets/credential-uds", empty.clone()),
        ("workload-certs", "/var/run/secrets/workload-spiffe-credentials", empty.clone()),
        ("istio-envoy", "/etc/istio/proxy", json!({"emptyDir": {"medium": "Memory"}})),
        ("istio-data", "/var/lib/istio/data", empty),
        ("istio-podinfo", "/etc/istio/pod", json!({"downwardAPI": {"items": [field("labels"), field("annotations")]}})),
        ("istio-token", "/var/run/secrets/tokens", json!({"projected": {"sources": [{"serviceAccountToken": token}]}})),
        ("istiod-ca-cert", "/var/run/secrets/istio", json!({"configMap": {"name": root}})),
        ("istio-ca-crl", "/var/run/secrets/istio/crl", json!({"configMap": {"name": revoked, "optional": true}})),
    ]
}

fn named(name: &str, rest: &Value) -> Object {
    let mut out = object(json!({"name": name}));
    out.extend(rest.as_object().cloned().unwrap_or_default());
    out
}

/// Volumes or mounts of an annotation: `{"<name>": {…}}`, or a list with names.
fn by_name(annotation: Option<&str>) -> Vec<Object> {
    match annotation.map(serde_json::from_str::<Value>) {
        Some(Ok(Value::Object(all))) => all.iter().map(|(name, rest)| named(name, rest)).collect(),
        Some(Ok(Value::Array(all))) => {
            let entry = |value: Value| value.get("name").is_some_and(Value::is_string).then(|| object(value));
            all.into_iter().filter_map(entry).collect()
        }
        _ => Vec::new(),
    }
}
