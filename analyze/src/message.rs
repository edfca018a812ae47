//! The table of messages: the codes, levels and names of Istio, with texts of ours.

use std::fmt::{self, Display};
use std::str::FromStr;

/// How much a finding matters. The order is that of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Probably not what was meant.
    Warning,
    /// Something does not work.
    Error,
}

impl Level {
    /// The name as Istio writes it: `Info`, `Warning` or `Error`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }
}

impl Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    /// Upper and lower case are the same.
    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Info, Self::Warning, Self::Error];
        let found = known.into_iter().find(|level| level.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("{text:?} is none of Info, Warning, Error"))
    }
}

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The code, for example `IST0101`. Where Istio has none, it is the reason word of the condition, for example
    /// `Overruled`.
    pub code: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The name in Istio's documentation, for example `ReferencedResourceNotFound`.
    pub name: &'static str,
    /// The text, with `{}` where an argument stands.
    pub template: &'static str,
}

impl Message {
    /// The message of a code.
    #[must_use]
    pub fn of(code: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|message| message.code == code)
    }

    /// Whether Istio has the code.
    #[must_use]
    pub fn is_of_istio(&self) -> bool {
        ALL.contains(&self)
    }

    /// The page of Istio's documentation that describes the code. It is empty for a code that Istio does not have.
    #[must_use]
    pub fn url(&self) -> String {
        if !self.is_of_istio() {
            return String::new();
        }
        format!("https://istio.io/latest/docs/reference/config/analysis/{}/", self.code.to_ascii_lowercase())
    }

    /// The text with its arguments.
    pub(crate) fn text(&self, arguments: &[&dyn Display]) -> String {
        let mut text = String::new();
        let mut parts = self.template.split("{}");
        text.push_str(parts.next().unwrap_or_default());
        for (part, argument) in parts.zip(arguments) {
            text.push_str(&argument.to_string());
            text.push_str(part);
        }
        text
    }
}

/// Declares the messages. A line is a constant: its code, level, name and text.
macro_rules! messages {
    ($($constant:ident = $code:literal, $level:ident, $name:literal, $template:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "` ", $name)]
            pub(crate) static $constant: Message =
                Message { code: $code, level: Level::$level, name: $name, template: $template };
        )*

        /// All messages, sorted by their codes.
        pub static ALL: &[&Message] = &[$(&$constant,)*];
    };
}

messages! {
    INTERNAL_ERROR = "IST0001", Error, "InternalError", "the analysis failed: {}";
    DEPRECATED = "IST0002", Warning, "Deprecated", "{}";
    NOT_FOUND = "IST0101", Error, "ReferencedResourceNotFound", "the {} {} does not exist";
    NAMESPACE_NOT_INJECTED = "IST0102", Info, "NamespaceNotInjected",
        "pods of the namespace get no sidecar; label it istio-injection=enabled to inject sidecars, or \
         istio-injection=disabled to confirm that it needs none: kubectl label namespace {} istio-injection=enabled";
    POD_MISSING_PROXY = "IST0103", Warning, "PodMissingProxy",
        "the pod {} has no sidecar although its namespace injects them; restart its workload";
    INVALID = "IST0106", Error, "SchemaValidationError", "{}";
    MISPLACED_ANNOTATION = "IST0107", Warning, "MisplacedAnnotation",
        "the annotation {} has no effect here; it belongs on: {}";
    UNKNOWN_ANNOTATION = "IST0108", Warning, "UnknownAnnotation", "the annotation {} is unknown and has no effect";
    CONFLICTING_MESH_HOSTS = "IST0109", Error, "ConflictingMeshGatewayVirtualServiceHosts",
        "the VirtualServices {} route the host {} for sidecars, and only one of them is obeyed; merge them";
    CONFLICTING_SIDECARS = "IST0110", Error, "ConflictingSidecarWorkloadSelectors",
        "the Sidecars {} in the namespace {} select the same pod {}, and only one of them is obeyed";
    SIDECARS_WITHOUT_SELECTOR = "IST0111", Error, "MultipleSidecarsWithoutWorkloadSelectors",
        "the Sidecars {} in the namespace {} have no workload selector, and only one of them is obeyed";
    PORT_REQUIRED = "IST0112", Error, "VirtualServiceDestinationPortSelectorRequired",
        "the host {} has several ports ({}); set the port of the destination";
    SERVICES_WITH_PROTOCOLS = "IST0116", Warning, "DeploymentAssociatedToMultipleServices",
        "the deployment {} belongs to several services that use port {} with different protocols: {}";
    PORT_NAME = "IST0118", Info, "PortNameIsNotUnderNamingConvention",
        "the port {} (port {}, targetPort {}) names no protocol, so the protocol is detected; \
         name it <protocol>[-<suffix>] or set appProtocol";
    MULTIPLE_INJECTION_LABELS = "IST0123", Warning, "NamespaceMultipleInjectionLabels",
        "the namespace {} has both labels istio-injection and istio.io/rev; keep one of them";
    INVALID_ANNOTATION = "IST0125", Warning, "InvalidAnnotation", "the annotation {} has a wrong value: {}";
    UNKNOWN_REGISTRY = "IST0126", Error, "UnknownMeshNetworksServiceRegistry",
        "the service registry {} of the network {} is unknown";
    NO_MATCHING_WORKLOADS = "IST0127", Warning, "NoMatchingWorkloadsFound",
        "no workload of the mesh has the labels: {}";
    NO_SERVER_VERIFICATION = "IST0128", Warning, "NoServerCertificateVerificationDestinationLevel",
        "the DestinationRule {} in the namespace {} has the TLS mode {} and no caCertificates, \
         so the server of {} is not verified";
    NO_SERVER_VERIFICATION_ON_PORT = "IST0129", Warning, "NoServerCertificateVerificationPortLevel",
        "the DestinationRule {} in the namespace {} has the TLS mode {} and no caCertificates, \
         so the server of {} is not verified on port {}";
    UNREACHABLE_RULE = "IST0130", Warning, "VirtualServiceUnreachableRule", "the rule {} is never used: {}";
    INEFFECTIVE_MATCH = "IST0131", Info, "VirtualServiceIneffectiveMatch",
        "the match {} of rule {} is never used: {} takes its requests";
    HOST_NOT_IN_GATEWAY = "IST0132", Warning, "VirtualServiceHostNotFoundInGateway",
        "none of the hosts {} of the VirtualService {} is a host of the gateway {}";
    SCHEMA_WARNING = "IST0133", Warning, "SchemaWarning", "{}";
    ADDRESSES_REQUIRED = "IST0134", Warning, "ServiceEntryAddressesRequired",
        "a TCP port of a ServiceEntry without addresses takes all traffic to that port; set addresses, or a protocol";
    DEPRECATED_ANNOTATION = "IST0135", Info, "DeprecatedAnnotation", "the annotation {} is deprecated{}";
    ALPHA_ANNOTATION = "IST0136", Info, "AlphaAnnotation",
        "the annotation {} belongs to an alpha feature and may change";
    CONFLICTING_TARGET_PORTS = "IST0137", Warning, "DeploymentConflictingPorts",
        "the deployment {} belongs to the services {}, which reach its port {} by different ports: {}";
    DUPLICATE_CERTIFICATE = "IST0138", Warning, "GatewayDuplicateCertificate",
        "the gateways {} share a certificate; a client that reuses an HTTP/2 connection may get 404";
    INVALID_WEBHOOK = "IST0139", Error, "InvalidWebhook", "{}";
    INGRESS_ROUTE_NOT_AFFECTED = "IST0140", Warning, "IngressRouteRulesNotAffected",
        "the subset in the VirtualService {} has no effect on requests through the gateways of {}";
    INSUFFICIENT_PERMISSIONS = "IST0141", Error, "InsufficientPermissions",
        "the permission to create {} is missing ({})";
    UNSUPPORTED_KUBERNETES = "IST0142", Error, "UnsupportedKubernetesVersion",
        "the version {} of Kubernetes is lower than {}";
    LOCALHOST_LISTENER = "IST0143", Error, "LocalhostListener",
        "the port {} of a Service listens on localhost only, so other pods do not reach it";
    INVALID_UID = "IST0144", Warning, "InvalidApplicationUID",
        "the user id 1337 is that of the sidecar; traffic of a container with this user id is not captured";
    CONFLICTING_GATEWAYS = "IST0145", Error, "ConflictingGateways",
        "the gateways {} (selector {}, port {}) have the same hosts {}";
    IMAGE_AUTO_WARNING = "IST0146", Warning, "ImageAutoWithoutInjectionWarning",
        "the {} {} has the image auto, and no injection webhook selects it";
    IMAGE_AUTO_ERROR = "IST0147", Error, "ImageAutoWithoutInjectionError",
        "the {} {} has the image auto, because no injection webhook selected it";
    INJECTED_BY_DEFAULT = "IST0148", Info, "NamespaceInjectionEnabledByDefault",
        "pods of the namespace get sidecars, because enableNamespacesByDefault is true";
    JWT_CLAIM_WITHOUT_AUTHENTICATION = "IST0149", Error, "JwtClaimBasedRoutingWithoutRequestAuthN",
        "a route depends on the claim {}, and no RequestAuthentication selects the pod {} of the gateway {}, \
         so no token is read";
    EXTERNAL_NAME_PORT = "IST0150", Warning, "ExternalNameServiceTypeInvalidPortName",
        "the port {} of a service of type ExternalName names no protocol; a port that is plain TCP takes \
         all traffic to that port number";
    RELATIVE_OPERATION = "IST0151", Warning, "EnvoyFilterUsesRelativeOperation",
        "the patch depends on what other patches made, and the EnvoyFilter has no priority; set a priority, \
         or use INSERT_FIRST or ADD";
    WRONG_REPLACE = "IST0152", Error, "EnvoyFilterUsesReplaceOperationIncorrectly",
        "REPLACE has an effect on HTTP_FILTER and NETWORK_FILTER only";
    WRONG_ADD = "IST0153", Error, "EnvoyFilterUsesAddOperationIncorrectly",
        "ADD has no effect on ROUTE_CONFIGURATION and HTTP_ROUTE";
    WRONG_REMOVE = "IST0154", Error, "EnvoyFilterUsesRemoveOperationIncorrectly",
        "REMOVE has no effect on ROUTE_CONFIGURATION and HTTP_ROUTE";
    RELATIVE_OPERATION_OF_VERSION = "IST0155", Warning, "EnvoyFilterUsesRelativeOperationWithProxyVersion",
        "the patch depends on a patch for one proxyVersion, and the EnvoyFilter has no priority, so an upgrade may \
         end it; set a priority, or use INSERT_FIRST or ADD";
    UNSUPPORTED_GATEWAY_API = "IST0156", Error, "UnsupportedGatewayAPIVersion",
        "the version {} of the Gateway API is lower than {}";
    INVALID_TELEMETRY_PROVIDER = "IST0157", Warning, "InvalidTelemetryProvider",
        "the Telemetry {} in the namespace {} names no provider for access logs, and the mesh has no default one, \
         so it has no effect";
    PROXY_IMAGE_MISMATCH = "IST0158", Warning, "PodsIstioProxyImageMismatchInNamespace",
        "the sidecars of these pods have another image than the injector gives now; restart their workloads: {}";
    CONFLICTING_TELEMETRIES = "IST0159", Error, "ConflictingTelemetryWorkloadSelectors",
        "the Telemetries {} in the namespace {} select the same pod {}, and only one of them is obeyed";
    TELEMETRIES_WITHOUT_SELECTOR = "IST0160", Error, "MultipleTelemetriesWithoutWorkloadSelectors",
        "the Telemetries {} in the namespace {} have no selector, and only one of them is obeyed";
    INVALID_CREDENTIAL = "IST0161", Error, "InvalidGatewayCredential",
        "the credential {} in the namespace {} is not valid: {}";
    GATEWAY_PORT_NOT_ON_SERVICE = "IST0162", Warning, "GatewayPortNotDefinedOnService",
        "no port of a Service leads to port {} of the gateway's pods ({})";
    INVALID_EXTERNAL_CONTROL_PLANE = "IST0163", Warning, "InvalidExternalControlPlaneConfig",
        "the address {} of the webhook {} {}";
    EXTERNAL_CONTROL_PLANE_ADDRESS = "IST0164", Info, "ExternalControlPlaneAddressIsNotAHostname",
        "the address {} of the webhook {} is an IP address; use a host name in production";
    INTERNAL_GATEWAY = "IST0165", Warning, "ReferencedInternalGateway",
        "the VirtualService {} names {}, a gateway that the control plane makes for its own use";
    INEFFECTIVE_SELECTOR = "IST0166", Warning, "IneffectiveSelector",
        "the selector has no effect on the Kubernetes Gateway {}; use targetRefs";
    INEFFECTIVE_POLICY = "IST0167", Warning, "IneffectivePolicy", "the policy has no effect: {}";
    UNKNOWN_UPGRADE_COMPATIBILITY = "IST0168", Warning, "UnknownUpgradeCompatibility",
        "the setting {} changed in release {}, and whether that matters here is unknown: {} \
         (compatibilityVersion={} keeps the old default)";
    UPDATE_INCOMPATIBILITY = "IST0169", Warning, "UpdateIncompatibility",
        "the setting {} changed in release {}: {} (compatibilityVersion={} keeps the old default)";
    INCONSISTENT_SERVICE = "IST0170", Warning, "MultiClusterInconsistentService",
        "the service {} in the namespace {} differs between the clusters {}: {}";
    NEGATIVE_CONDITION = "IST0171", Warning, "NegativeConditionStatus", "the condition {} is False ({}): {}";
    FUTURE_UNSUPPORTED_GATEWAY_API = "IST0172", Warning, "FutureUnsupportedGatewayAPIVersion",
        "the version {} of the Gateway API is lower than {}, which the next release needs";
    SUBSET_WITHOUT_PODS = "IST0173", Error, "DestinationRuleSubsetNotSelectPods",
        "the subset {} selects no pods, so requests to it get 503";
    UNKNOWN_RULE_HOST = "IST0174", Warning, "UnknownDestinationRuleHost", "no service of the mesh has the host {}";
    JWKS_UNRESTRICTED = "IST0175", Warning, "JwksUriFetchUnrestricted",
        "BLOCKED_CIDRS_IN_JWKS_URIS is not set, so {} RequestAuthentications may make the control plane call any \
         address: {}";
    GATEWAY_API_TOO_OLD = "IST0176", Warning, "GatewayAPICRDVersionBelowMinimum",
        "the definition {} has version {}, and at least {} is needed; objects of this kind are ignored";
    CONFLICTING_PROTOCOLS = "IST0177", Warning, "ConflictingServiceEntryProtocol",
        "the ServiceEntries {} give the host {} and port {} different protocols: {}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(ALL.windows(2).all(|two| two[0].code < two[1].code));
        assert_eq!(Message::of("IST0101").map(|message| message.name), Some("ReferencedResourceNotFound"));
        assert_eq!(Message::of("IST9999"), None);
    }

    #[test]
    fn arguments_take_their_places() {
        assert_eq!(NOT_FOUND.text(&[&"host", &"reviews"]), "the host reviews does not exist");
        assert_eq!(Level::from_str("warning"), Ok(Level::Warning));
        assert!(Level::from_str("fatal").is_err());
    }
}
