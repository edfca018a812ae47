//! The labels and annotations that a template writes. What the pod says itself stays.

use std::collections::BTreeMap;

use crate::annotation as names;
use crate::plan::Plan;
use crate::pod::name;
use crate::sidecar::NodeType;
use crate::sidecar::capture::CaptureScope;
use crate::workload::{canonical_name, canonical_revision};

type Texts = BTreeMap<String, String>;

/// The labels that the pod does not have yet.
pub(crate) fn labels(plan: &Plan<'_>, kind: NodeType) -> Texts {
    let mut out = Texts::new();
    let mut add = |name: &str, value: String| {
        if !plan.pod.labels.contains_key(name) {
            out.insert(name.to_owned(), value);
        }
    };
    if kind == NodeType::Sidecar {
        add("security.istio.io/tlsMode", "istio".to_owned());
    }
    add("service.istio.io/canonical-name", canonical_name(plan.pod, &plan.workload));
    add("service.istio.io/canonical-revision", canonical_revision(plan.pod));
    if let Some(network) = plan.network() {
        add("topology.istio.io/network", network);
    }
    out
}

/// The annotations of every injected pod.
pub(crate) fn annotations(plan: &Plan<'_>) -> Texts {
    let mut out = Texts::from([(names::REVISION.to_owned(), plan.revision.clone())]);
    if let Some(first) = plan.app_containers().next() {
        for key in [names::DEFAULT_CONTAINER, names::DEFAULT_LOGS_CONTAINER] {
            if plan.annotation(key).is_none() {
                out.insert(key.to_owned(), name(first).to_owned());
            }
        }
    }
    out
}

/// What a CNI plugin reads to capture as the init container would.
pub(crate) fn capture_annotations(plan: &Plan<'_>) -> Texts {
    let scope = CaptureScope::of(plan);
    let always = [
        (names::INTERCEPTION, plan.interception.clone()),
        (names::INCLUDE_RANGES, scope.include_ranges),
        (names::EXCLUDE_RANGES, scope.exclude_ranges),
        (names::INCLUDE_INBOUND, scope.include_inbound),
        (names::EXCLUDE_INBOUND, scope.exclude_inbound),
    ];
    let if_set = [
        (names::INCLUDE_OUTBOUND, scope.include_outbound),
        (names::EXCLUDE_OUTBOUND, scope.exclude_outbound),
        (names::EXCLUDE_INTERFACES, scope.exclude_interfaces),
    ];
    let given = always.into_iter().filter(|(_, value)| !value.is_empty());
    let set = if_set.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let mut out: Texts = given.chain(set).map(|(name, value)| (name.to_owned(), value)).collect();
    if plan.settings.text("/pilot/cni/provider", "default") == "multus" {
        out.insert(
            names::CNI_NETWORKS.to_owned(),
            with_network(plan.annotation(names::CNI_NETWORKS).unwrap_or_default()),
        );
    }
    out
}

/// Adds our network to those that Multus attaches to the pod: a list of names, or of objects.
fn with_network(networks: &str) -> String {
    let networks = networks.trim();
    if networks.contains("istio-cni") {
        return networks.to_owned();
    }
    match networks.strip_suffix(']') {
        _ if networks.is_empty() => "default/istio-cni".to_owned(),
        None => format!("{networks}, default/istio-cni"),
        Some(list) => {
            let separator = if list.trim_end().ends_with('[') { "" } else { ", " };
            format!("{list}{separator}{{\"name\": \"istio-cni\", \"namespace\": \"default\"}}]")
        }
    }
}
