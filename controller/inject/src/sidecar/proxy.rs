//! The container of the proxy.

use serde_json::{Value, json};

use super::{NodeType, args, environment, resources, volume};
use crate::annotation as names;
use crate::plan::Plan;
use crate::pod::{Object, object};
use crate::{PROXY, image};

/// The container of a sidecar.
pub(super) fn container(plan: &Plan<'_>) -> Object {
    let mut out = base(plan, NodeType::Sidecar);
    if plan.status_port > 0 {
        out.insert("readinessProbe".to_owned(), readiness(plan));
        if plan.settings.flag("/global/proxy/startupProbe/enabled", true) {
            let failures = plan.settings.number("/global/proxy/startupProbe/failureThreshold", 600);
            let probe = json!({"httpGet": {"path": "/healthz/ready", "port": 15021}, "periodSeconds": 1,
                "timeoutSeconds": 3, "failureThreshold": failures});
            out.insert("startupProbe".to_owned(), probe);
        }
    }
    if plan.native {
        out.insert("restartPolicy".to_owned(), "Always".into());
    }
    out.extend(lifecycle(plan).map(|hooks| ("lifecycle".to_owned(), hooks)));
    out.insert("securityContext".to_owned(), security(plan));
    out.insert("resources".to_owned(), resources::resources(plan));
    out
}

/// What sidecars and gateways share.
pub(crate) fn base(plan: &Plan<'_>, kind: NodeType) -> Object {
    let mut out = object(json!({
        "name": PROXY,
        "image": image::proxy(plan),
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
        "args": args::args(plan, kind),
        "env": environment::environment(plan, kind),
        "volumeMounts": volume::mounts(plan),
    }));
    pull_policy(plan, &mut out);
    out
}

/// Sets `imagePullPolicy` where the values do.
pub(super) fn pull_policy(plan: &Plan<'_>, container: &mut Object) {
    let policy = plan.settings.text("/global/imagePullPolicy", "");
    if !policy.is_empty() {
        container.insert("imagePullPolicy".to_owned(), policy.into());
    }
}

/// The readiness probe. Envoy serves it, so that it fails as soon as Envoy is gone.
pub(crate) fn readiness(plan: &Plan<'_>) -> Value {
    let number = |name: &str, key: &str, default: u64| {
        let set = || plan.settings.number(&format!("/global/proxy/{key}"), default);
        plan.annotation(name).and_then(|text| text.parse().ok()).unwrap_or_else(set)
    };
    let mut probe = object(json!({
        "httpGet": {"path": "/healthz/ready", "port": 15021},
        "periodSeconds": number(names::PERIOD, "readinessPeriodSeconds", 15),
        "timeoutSeconds": 3,
        "failureThreshold": number(names::FAILURES, "readinessFailureThreshold", 4),
    }));
    let delay = number(names::INITIAL_DELAY, "readinessInitialDelaySeconds", 0);
    if delay > 0 {
        probe.insert("initialDelaySeconds".to_owned(), delay.into());
    }
    Value::Object(probe)
}

/// The program's name is the one that Istio's proxy image has too; Heddle's image has it as a link.
fn lifecycle(plan: &Plan<'_>) -> Option<Value> {
    if let Some(hooks) = plan.settings.object("/global/proxy/lifecycle") {
        return Some(Value::Object(hooks.clone()));
    }
    if plan.native {
        let port = if plan.status_port == 0 { 15020 } else { plan.status_port };
        let port = format!("--debug-port={port}");
        return Some(json!({"preStop": {"exec": {"command": ["pilot-agent", "request", port, "POST", "drain"]}}}));
    }
    plan.hold.then(|| json!({"postStart": {"exec": {"command": ["pilot-agent", "wait"]}}}))
}

fn security(plan: &Plan<'_>) -> Value {
    let privileged = plan.settings.flag("/global/proxy/privileged", false);
    let low_ports = plan.choice(names::BIND_LOW_PORTS, "/global/proxy/capNetBindService", "false") == "true";
    let transparent = plan.interception == "TPROXY";
    let capabilities = [(transparent, "NET_ADMIN"), (low_ports, "NET_BIND_SERVICE")];
    let added: Vec<&str> = capabilities.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name).collect();
    let (root, (user, group)) = (!added.is_empty(), plan.ids);
    let mut out = object(json!({
        "allowPrivilegeEscalation": privileged,
        "capabilities": if root { json!({"add": added, "drop": ["ALL"]}) } else { json!({"drop": ["ALL"]}) },
        "privileged": privileged,
        "readOnlyRootFilesystem": true,
        "runAsGroup": group,
        "runAsNonRoot": !root,
        "runAsUser": if root { 0 } else { user },
    }));
    if let Some(profile) = plan.settings.object("/global/proxy/seccompProfile") {
        out.insert("seccompProfile".to_owned(), Value::Object(profile.clone()));
    }
    Value::Object(out)
}
