//! The init container that redirects the pod's traffic to its proxy, or that checks that a CNI plugin did.

use serde_json::{Value, json};

use super::{args, resources};
use crate::annotation as names;
use crate::annotation::list;
use crate::plan::Plan;
use crate::pod::{Object, object};
use crate::{INIT, VALIDATION, image};

/// Ports of the proxy itself, which are never captured.
const OWN_PORTS: &str = "15090,15021";

/// The container; none where nothing is captured.
pub(crate) fn container(plan: &Plan<'_>) -> Option<Object> {
    if plan.interception == "NONE" {
        return None;
    }
    let mut container = object(json!({
        "name": if plan.cni() { VALIDATION } else { INIT },
        "image": image::init(plan),
        "args": arguments(plan),
        "securityContext": security(plan),
        "resources": resources::resources(plan),
    }));
    super::proxy::pull_policy(plan, &mut container);
    let metadata = plan.config.get("proxyMetadata").and_then(Value::as_object);
    if let Some(metadata) = metadata.filter(|metadata| !metadata.is_empty()) {
        let env = metadata.iter().map(|(name, value)| super::environment::variable(name, value)).collect();
        container.insert("env".to_owned(), Value::Array(env));
    }
    Some(container)
}

/// What is captured, by the flags of istio-iptables.
fn arguments(plan: &Plan<'_>) -> Vec<String> {
    let scope = CaptureScope::of(plan);
    let mut out: Vec<String> = ["istio-iptables", "-p", "15001", "-z", "15006", "-u"].map(str::to_owned).into();
    out.push(plan.ids.0.to_string());
    let excluded = scope.exclude_inbound.as_str();
    let own = if excluded.is_empty() { OWN_PORTS.to_owned() } else { format!("{OWN_PORTS},{excluded}") };
    for (flag, value) in [
        ("-m", plan.interception.as_str()),
        ("-i", &scope.include_ranges),
        ("-x", &scope.exclude_ranges),
        ("-b", &scope.include_inbound),
        ("-d", &own),
    ] {
        out.extend([flag.to_owned(), value.to_owned()]);
    }
    for (flag, value) in [
        ("-q", &scope.include_outbound),
        ("-o", &scope.exclude_outbound),
        ("-k", &scope.virtual_interfaces),
        ("-c", &scope.exclude_interfaces),
    ] {
        out.extend(value.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    out.push(args::log_level(plan));
    out.extend(args::log_form(plan));
    if plan.cni() {
        out.extend(["--run-validation", "--skip-rule-apply"].map(str::to_owned));
    } else if plan.settings.flag("/global/proxy_init/forceApplyIptables", false) {
        out.push("--force-apply".to_owned());
    }
    if plan.settings.flag("/global/nativeNftables", false) {
        out.push("--native-nftables".to_owned());
    }
    out
}

fn security(plan: &Plan<'_>) -> Value {
    let privileged = plan.settings.flag("/global/proxy/privileged", false);
    if plan.cni() {
        return json!({
            "allowPrivilegeEscalation": privileged, "privileged": privileged, "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true, "runAsGroup": plan.ids.1, "runAsUser": plan.ids.0, "runAsNonRoot": true,
        });
    }
    json!({
        "allowPrivilegeEscalation": privileged, "privileged": privileged,
        "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
        "readOnlyRootFilesystem": false, "runAsGroup": 0, "runAsUser": 0, "runAsNonRoot": false,
    })
}

/// Which traffic is captured, by the pod's annotations and then the values.
#[derive(Debug)]
pub(crate) struct CaptureScope {
    /// Networks that calls go through the proxy to; `*` is all.
    pub(crate) include_ranges: String,
    /// Networks that they do not.
    pub(crate) exclude_ranges: String,
    /// Ports that are served through the proxy; `*` is all.
    pub(crate) include_inbound: String,
    /// Ports that are not, with the agent's.
    pub(crate) exclude_inbound: String,
    /// Ports that calls always go through the proxy to.
    pub(crate) include_outbound: Option<String>,
    /// Ports that they do not.
    pub(crate) exclude_outbound: Option<String>,
    /// Interfaces of virtual machines whose calls count as the pod's.
    pub(crate) virtual_interfaces: Option<String>,
    /// Interfaces that are left alone.
    pub(crate) exclude_interfaces: Option<String>,
}

impl CaptureScope {
    /// Reads it.
    pub(crate) fn of(plan: &Plan<'_>) -> Self {
        let set = |text: String| (!text.is_empty()).then_some(text);
        let annotation = |name: &str| plan.annotation(name).map(str::to_owned);
        let excluded = plan.choice(names::EXCLUDE_INBOUND, "/global/proxy/excludeInboundPorts", "");
        Self {
            include_ranges: plan.choice(names::INCLUDE_RANGES, "/global/proxy/includeIPRanges", "*"),
            exclude_ranges: plan.choice(names::EXCLUDE_RANGES, "/global/proxy/excludeIPRanges", ""),
            include_inbound: plan.choice(names::INCLUDE_INBOUND, "/global/proxy/includeInboundPorts", "*"),
            exclude_inbound: with_port(&excluded, plan.status_port),
            include_outbound: annotation(names::INCLUDE_OUTBOUND)
                .or_else(|| set(plan.settings.text("/global/proxy/includeOutboundPorts", ""))),
            exclude_outbound: annotation(names::EXCLUDE_OUTBOUND)
                .or_else(|| set(plan.settings.text("/global/proxy/excludeOutboundPorts", ""))),
            virtual_interfaces: annotation(names::REROUTE_INTERFACES)
                .or_else(|| annotation(names::KUBEVIRT_INTERFACES)),
            exclude_interfaces: annotation(names::EXCLUDE_INTERFACES),
        }
    }
}

/// A list of ports with one more, unless it is 0 or there already.
fn with_port(ports: &str, port: u16) -> String {
    let port = port.to_string();
    let mut all: Vec<&str> = list(ports).collect();
    if port != "0" && !all.contains(&port.as_str()) {
        all.push(&port);
    }
    all.join(",")
}
