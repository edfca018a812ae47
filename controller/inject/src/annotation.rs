//! The annotations (and the one label) that a pod says its wishes with, and whether their values can be obeyed.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::InjectError;

pub(crate) const INJECT: &str = "sidecar.istio.io/inject";
pub(crate) const TEMPLATES: &str = "inject.istio.io/templates";
/// Ours: a strategic-merge overlay over what is injected into this pod, as YAML or JSON.
pub(crate) const OVERLAY: &str = "inject.heddle.dev/overlay";
pub(crate) const PROXY_CONFIG: &str = "proxy.istio.io/config";
pub(crate) const OVERRIDES: &str = "proxy.istio.io/overrides";
pub(crate) const STATUS: &str = "sidecar.istio.io/status";
pub(crate) const REVISION: &str = "istio.io/rev";
pub(crate) const NATIVE: &str = "sidecar.istio.io/nativeSidecar";
pub(crate) const INTERCEPTION: &str = "sidecar.istio.io/interceptionMode";
pub(crate) const STATUS_PORT: &str = "status.sidecar.istio.io/port";
pub(crate) const REWRITE_PROBES: &str = "sidecar.istio.io/rewriteAppHTTPProbers";
pub(crate) const INITIAL_DELAY: &str = "readiness.status.sidecar.istio.io/initialDelaySeconds";
pub(crate) const PERIOD: &str = "readiness.status.sidecar.istio.io/periodSeconds";
pub(crate) const FAILURES: &str = "readiness.status.sidecar.istio.io/failureThreshold";
pub(crate) const IMAGE: &str = "sidecar.istio.io/proxyImage";
pub(crate) const IMAGE_TYPE: &str = "sidecar.istio.io/proxyImageType";
pub(crate) const LOG_LEVEL: &str = "sidecar.istio.io/logLevel";
pub(crate) const COMPONENT_LOG_LEVEL: &str = "sidecar.istio.io/componentLogLevel";
pub(crate) const AGENT_LOG_LEVEL: &str = "sidecar.istio.io/agentLogLevel";
pub(crate) const BOOTSTRAP: &str = "sidecar.istio.io/bootstrapOverride";
pub(crate) const BIND_LOW_PORTS: &str = "sidecar.istio.io/capNetBindService";
pub(crate) const USER_VOLUME: &str = "sidecar.istio.io/userVolume";
pub(crate) const USER_MOUNT: &str = "sidecar.istio.io/userVolumeMount";
pub(crate) const CPU: &str = "sidecar.istio.io/proxyCPU";
pub(crate) const CPU_LIMIT: &str = "sidecar.istio.io/proxyCPULimit";
pub(crate) const MEMORY: &str = "sidecar.istio.io/proxyMemory";
pub(crate) const MEMORY_LIMIT: &str = "sidecar.istio.io/proxyMemoryLimit";
pub(crate) const INCLUDE_RANGES: &str = "traffic.sidecar.istio.io/includeOutboundIPRanges";
pub(crate) const EXCLUDE_RANGES: &str = "traffic.sidecar.istio.io/excludeOutboundIPRanges";
pub(crate) const INCLUDE_INBOUND: &str = "traffic.sidecar.istio.io/includeInboundPorts";
pub(crate) const EXCLUDE_INBOUND: &str = "traffic.sidecar.istio.io/excludeInboundPorts";
pub(crate) const INCLUDE_OUTBOUND: &str = "traffic.sidecar.istio.io/includeOutboundPorts";
pub(crate) const EXCLUDE_OUTBOUND: &str = "traffic.sidecar.istio.io/excludeOutboundPorts";
pub(crate) const EXCLUDE_INTERFACES: &str = "traffic.sidecar.istio.io/excludeInterfaces";
pub(crate) const KUBEVIRT_INTERFACES: &str = "traffic.sidecar.istio.io/kubevirtInterfaces";
pub(crate) const REROUTE_INTERFACES: &str = "istio.io/reroute-virtual-interfaces";
pub(crate) const CNI_NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
pub(crate) const DATADOG: &str = "apm.datadoghq.com/env";
pub(crate) const MERGE_METRICS: &str = "prometheus.istio.io/merge-metrics";
pub(crate) const SCRAPE_TARGETS: &str = "prometheus.istio.io/scrape-targets";
pub(crate) const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
pub(crate) const DEFAULT_LOGS_CONTAINER: &str = "kubectl.kubernetes.io/default-logs-container";

/// A check of a value, with what it may be.
type Check = (fn(&str) -> bool, &'static str);

const PORTS: Check = (ports, "not a list of ports such as 80,8080");
const PORTS_OR_ALL: Check = (|text| text == "*" || ports(text), "neither * nor a list of ports such as 80,8080");
const RANGES: Check = (ranges, "not a list of networks such as 10.0.0.0/8,fd00::/8");
const RANGES_OR_ALL: Check =
    (|text| text == "*" || ranges(text), "neither * nor a list of networks such as 10.0.0.0/8");
const NUMBER: Check = (|text| text.parse::<u32>().is_ok(), "not a number");
const PORT: Check = (|text| text.parse::<u16>().is_ok(), "not a port, or 0");
const SWITCH: Check = (|text| matches!(text, "true" | "false"), "neither true nor false");
/// The booleans of Go's `strconv.ParseBool`.
const BOOLEAN: Check = (
    |text| matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True" | "0" | "f" | "F" | "FALSE" | "false" | "False"),
    "not a boolean",
);
const MODE: Check = (|text| matches!(text, "REDIRECT" | "TPROXY" | "NONE"), "none of REDIRECT, TPROXY, NONE");

/// As Kubernetes itself says of all annotations of an object; the webhook is asked before Kubernetes checks it.
const MOST_BYTES: usize = 256 << 10;
/// Characters of a wrong value that its refusal shows.
const MOST_SHOWN: usize = 100;
/// Values that one annotation is made of at most, as many as YAML in an annotation may have.
const MOST_VALUES: usize = heddle_yaml::Budget::ANNOTATION.nodes;
const FEW: Check =
    (|text| text.bytes().filter(|byte| b",[{".contains(byte)).count() <= MOST_VALUES, "of too many values");

/// What must be right before a pod is given its proxy: a slip in what is captured would cut the pod off. JSON and lists
/// of names are bounded, because each of their values takes hundreds of bytes in memory.
const CHECKS: [(&str, Check); 20] = [
    (STATUS, FEW),
    (OVERRIDES, FEW),
    (TEMPLATES, FEW),
    (USER_VOLUME, FEW),
    (USER_MOUNT, FEW),
    (DATADOG, FEW),
    (SCRAPE_TARGETS, FEW),
    (INTERCEPTION, MODE),
    (STATUS_PORT, PORT),
    (REWRITE_PROBES, SWITCH),
    (NATIVE, SWITCH),
    (INITIAL_DELAY, NUMBER),
    (PERIOD, NUMBER),
    (FAILURES, NUMBER),
    (INCLUDE_RANGES, RANGES_OR_ALL),
    (EXCLUDE_RANGES, RANGES),
    (INCLUDE_INBOUND, PORTS_OR_ALL),
    (EXCLUDE_INBOUND, PORTS),
    (INCLUDE_OUTBOUND, PORTS_OR_ALL),
    (EXCLUDE_OUTBOUND, PORTS),
];

/// Values that are wrong, and that a pod is injected with all the same.
const LENIENT: [(&str, Check); 1] = [(MERGE_METRICS, BOOLEAN)];

/// Checks the length of all annotations, and the values of those whose values matter.
///
/// # Errors
/// Names the first that cannot be obeyed.
pub(crate) fn check(annotations: &BTreeMap<String, String>) -> Result<(), InjectError> {
    let size = |(name, value): (&String, &String)| name.len() + value.len();
    if annotations.iter().map(size).sum::<usize>() > MOST_BYTES {
        let largest = annotations.keys().max_by_key(|name| annotations.get(*name).map_or(0, String::len));
        let reason = format!("the longest of annotations that have more than {MOST_BYTES} bytes together");
        return Err(InjectError::annotation(largest.map_or("", String::as_str), reason));
    }
    for (name, check) in CHECKS {
        if let Some(reason) = annotations.get(name).and_then(|value| judge(check, value)) {
            return Err(InjectError::annotation(name, reason));
        }
    }
    Ok(())
}

/// Why the value of an annotation of a pod cannot be obeyed; nothing if it can, or if any value can.
#[must_use]
pub fn fault(name: &str, value: &str) -> Option<String> {
    if name == PROXY_CONFIG {
        return proxy_config(value).err();
    }
    let mut checks = CHECKS.into_iter().chain(LENIENT).filter(|(known, _)| *known == name);
    checks.find_map(|(_, check)| judge(check, value))
}

fn judge((is_right, reason): Check, value: &str) -> Option<String> {
    let shown = || value.chars().take(MOST_SHOWN).collect::<String>();
    (!is_right(value)).then(|| format!("{:?} is {reason}", shown()))
}

/// Reads the annotation [`PROXY_CONFIG`].
pub(crate) fn proxy_config(text: &str) -> Result<Option<Map<String, Value>>, String> {
    match heddle_yaml::value(text, heddle_yaml::Schema::Core, &heddle_yaml::Budget::ANNOTATION) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::Object(config)) => Ok(Some(config)),
        Ok(_) => Err("not an object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn ports(text: &str) -> bool {
    list(text).all(|port| port.parse::<u16>().is_ok())
}

fn ranges(text: &str) -> bool {
    list(text).all(|range| range.parse::<IpNet>().is_ok())
}

/// The parts of a comma-separated list; an empty text is an empty list.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, value: &str) -> bool {
        check(&[(name.to_owned(), value.to_owned())].into()).is_err()
    }

    #[test]
    fn values_that_cannot_be_obeyed_are_refused() {
        for (name, value) in [
            (INCLUDE_RANGES, "bad"),
            (INCLUDE_RANGES, "10.0.0.0/33"),
            (EXCLUDE_RANGES, "*"),
            (INCLUDE_INBOUND, "80,x"),
            (EXCLUDE_OUTBOUND, "*"),
            (EXCLUDE_OUTBOUND, "70000"),
            (INTERCEPTION, "redirect"),
            (STATUS_PORT, "-1"),
            (REWRITE_PROBES, "yes"),
        ] {
            assert!(refused(name, value), "{name}={value}");
        }
    }

    #[test]
    fn values_that_can_be_are_taken() {
        for (name, value) in [
            (INCLUDE_RANGES, "*"),
            (INCLUDE_RANGES, "127.0.0.1/24, fd00::/8"),
            (EXCLUDE_RANGES, ""),
            (INCLUDE_INBOUND, "*"),
            (INCLUDE_INBOUND, ""),
            (EXCLUDE_INBOUND, "1,2,3"),
            (STATUS_PORT, "0"),
        ] {
            assert!(!refused(name, value), "{name}={value}");
        }
    }
}
