//! The template `gateway`: the pod's `istio-proxy` becomes a gateway's proxy. Nothing is redirected.

use serde_json::{Value, json};

use crate::metadata;
use crate::plan::Plan;
use crate::pod::{Object, Pod};
use crate::sidecar::{NodeType, proxy, volume};

/// What the template adds to the pod.
pub(crate) fn gateway(plan: &Plan<'_>) -> Pod {
    let mut container = proxy::base(plan, NodeType::Router);
    container.insert("readinessProbe".to_owned(), proxy::readiness(plan));
    let (user, group) = plan.ids;
    container.insert("securityContext".to_owned(), json!({"runAsUser": user, "runAsGroup": group}));
    let mut out = Pod {
        labels: metadata::labels(plan, NodeType::Router),
        annotations: metadata::annotations(plan),
        containers: vec![container],
        volumes: volume::volumes(plan),
        secrets: volume::pull_secrets(plan),
        ..Pod::default()
    };
    out.spec.insert("securityContext".to_owned(), Value::Object(security(plan)));
    out
}

/// A gateway serves 80 and 443 without being root.
fn security(plan: &Plan<'_>) -> Object {
    if let Some(given) = plan.settings.object("/gateways/securityContext") {
        return given.clone();
    }
    let low_ports = json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]);
    let mut out = Object::from_iter([("sysctls".to_owned(), low_ports)]);
    if let Some(profile) = plan.settings.object("/gateways/seccompProfile") {
        out.insert("seccompProfile".to_owned(), Value::Object(profile.clone()));
    }
    out
}
