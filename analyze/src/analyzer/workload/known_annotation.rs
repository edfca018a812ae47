//! The annotations of Istio's API, with the kinds that they belong on.

use Status::{Alpha, AlphaDeprecated, Deprecated, Stable};

/// What Istio says of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Stable,
    Alpha,
    Deprecated,
    AlphaDeprecated,
}

/// An annotation.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownAnnotation {
    status: Status,
    /// The kinds that it belongs on.
    pub(super) kinds: &'static [&'static str],
}

impl KnownAnnotation {
    pub(super) fn is_alpha(self) -> bool {
        matches!(self.status, Alpha | AlphaDeprecated)
    }

    pub(super) fn is_deprecated(self) -> bool {
        matches!(self.status, Deprecated | AlphaDeprecated)
    }

    pub(super) fn belongs_on(self, kind: &str) -> bool {
        self.kinds == ANY || self.kinds.contains(&kind)
    }
}

const POD: &[&str] = &["Pod"];
const ANY: &[&str] = &["Any"];

/// Sorted by the names.
const KNOWN: &[(&str, Status, &[&str])] = &[
    ("alpha.istio.io/canonical-serviceaccounts", AlphaDeprecated, &["Service"]),
    ("alpha.istio.io/kubernetes-serviceaccounts", AlphaDeprecated, &["Service"]),
    ("ambient.istio.io/bypass-inbound-capture", Alpha, POD),
    ("ambient.istio.io/dns-capture", Alpha, POD),
    ("ambient.istio.io/redirection", Stable, POD),
    ("ambient.istio.io/waypoint-inbound-binding", Alpha, &["GatewayClass", "Gateway"]),
    ("galley.istio.io/analyze-suppress", Alpha, ANY),
    ("gateway.istio.io/controller-version", Alpha, ANY),
    ("gateway.istio.io/name-override", Alpha, &["Gateway"]),
    ("gateway.istio.io/service-account", Alpha, &["Gateway"]),
    ("gateway.istio.io/tls-terminate-mode", Alpha, &["Gateway"]),
    ("inject.istio.io/templates", Alpha, POD),
    ("istio.io/autoRegistrationGroup", Alpha, &["WorkloadEntry"]),
    ("istio.io/connectedAt", Alpha, &["WorkloadEntry"]),
    ("istio.io/disconnectedAt", Alpha, &["WorkloadEntry"]),
    ("istio.io/dry-run", Alpha, &["AuthorizationPolicy"]),
    ("istio.io/reroute-virtual-interfaces", Alpha, POD),
    ("istio.io/rev", Alpha, POD),
    ("istio.io/workloadController", Alpha, &["WorkloadEntry"]),
    ("kubernetes.io/ingress.class", Stable, &["Ingress"]),
    ("networking.istio.io/exportTo", Alpha, &["Service"]),
    ("networking.istio.io/service-type", Alpha, &["Gateway"]),
    ("networking.istio.io/traffic-distribution", Alpha, &["Service", "ServiceEntry", "Namespace"]),
    ("prometheus.istio.io/merge-metrics", Alpha, POD),
    ("prometheus.istio.io/scrape-targets", Alpha, POD),
    ("proxy.istio.io/config", Stable, POD),
    ("proxy.istio.io/overrides", Alpha, POD),
    ("readiness.status.sidecar.istio.io/applicationPorts", Alpha, POD),
    ("readiness.status.sidecar.istio.io/failureThreshold", Alpha, POD),
    ("readiness.status.sidecar.istio.io/initialDelaySeconds", Alpha, POD),
    ("readiness.status.sidecar.istio.io/periodSeconds", Alpha, POD),
    ("sidecar.istio.io/agentLogLevel", Alpha, POD),
    ("sidecar.istio.io/bootstrapOverride", Alpha, POD),
    ("sidecar.istio.io/capNetBindService", Alpha, POD),
    ("sidecar.istio.io/componentLogLevel", Alpha, POD),
    ("sidecar.istio.io/discoveryAddress", AlphaDeprecated, POD),
    ("sidecar.istio.io/enableCoreDump", Alpha, POD),
    ("sidecar.istio.io/extraStatTags", AlphaDeprecated, POD),
    ("sidecar.istio.io/inject", Deprecated, POD),
    ("sidecar.istio.io/interceptionMode", Alpha, POD),
    ("sidecar.istio.io/logLevel", Alpha, POD),
    ("sidecar.istio.io/nativeSidecar", Alpha, POD),
    ("sidecar.istio.io/proxyCPU", Alpha, POD),
    ("sidecar.istio.io/proxyCPULimit", Alpha, POD),
    ("sidecar.istio.io/proxyImage", Alpha, POD),
    ("sidecar.istio.io/proxyImageType", Alpha, POD),
    ("sidecar.istio.io/proxyMemory", Alpha, POD),
    ("sidecar.istio.io/proxyMemoryLimit", Alpha, POD),
    ("sidecar.istio.io/rewriteAppHTTPProbers", Alpha, POD),
    ("sidecar.istio.io/statsCompression", Alpha, POD),
    ("sidecar.istio.io/statsHistogramBuckets", Alpha, POD),
    ("sidecar.istio.io/statsInclusionPrefixes", AlphaDeprecated, POD),
    ("sidecar.istio.io/statsInclusionRegexps", AlphaDeprecated, POD),
    ("sidecar.istio.io/statsInclusionSuffixes", AlphaDeprecated, POD),
    ("sidecar.istio.io/status", Alpha, POD),
    ("sidecar.istio.io/userVolume", Alpha, POD),
    ("sidecar.istio.io/userVolumeMount", Alpha, POD),
    ("status.sidecar.istio.io/port", Alpha, POD),
    ("topology.istio.io/controlPlaneClusters", Alpha, &["Namespace"]),
    ("traffic.istio.io/nodeSelector", Stable, &["Service"]),
    ("traffic.sidecar.istio.io/excludeInboundPorts", Alpha, POD),
    ("traffic.sidecar.istio.io/excludeInterfaces", Alpha, POD),
    ("traffic.sidecar.istio.io/excludeOutboundIPRanges", Alpha, POD),
    ("traffic.sidecar.istio.io/excludeOutboundPorts", Alpha, POD),
    ("traffic.sidecar.istio.io/includeInboundPorts", Alpha, POD),
    ("traffic.sidecar.istio.io/includeOutboundIPRanges", Alpha, POD),
    ("traffic.sidecar.istio.io/includeOutboundPorts", Alpha, POD),
    ("traffic.sidecar.istio.io/kubevirtInterfaces", Alpha, POD),
];

/// Written by control planes and not by users, so there is nothing to say about them.
const AUTOMATIC: [&str; 3] = ["gateway.istio.io/controller-version", "istio.io/rev", "sidecar.istio.io/status"];

/// Whether an annotation is for Istio, and was perhaps written by a user.
pub(super) fn is_of_user(name: &str) -> bool {
    let prefix = name.split('/').next().unwrap_or_default();
    let is_ours = prefix.ends_with("istio.io") || name == "kubernetes.io/ingress.class";
    is_ours && !AUTOMATIC.contains(&name)
}

/// The annotation of a name.
pub(super) fn find(name: &str) -> Option<KnownAnnotation> {
    let index = KNOWN.binary_search_by(|(known, ..)| (*known).cmp(name)).ok()?;
    let (_, status, kinds) = KNOWN.get(index)?;
    Some(KnownAnnotation { status: *status, kinds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_annotation_is_found() {
        assert!(KNOWN.is_sorted_by_key(|(name, ..)| *name));
        for (name, ..) in KNOWN {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(find("sidecar.istio.io/unknown").is_none());
        assert!(
            is_of_user("sidecar.istio.io/inject") && !is_of_user("istio.io/rev") && !is_of_user("kubernetes.io/psp")
        );
    }
}
