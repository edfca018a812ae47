//! The kinds of objects. A kind is a name in an API group: two groups may have kinds of one name.

use std::fmt;

/// Whether a kind's objects live in namespaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamespaceScope {
    Namespaced,
    Cluster,
}

/// What is known of a kind.
struct Info {
    name: &'static str,
    group: &'static str,
    scope: NamespaceScope,
    versions: &'static [&'static str],
}

/// Declares the kinds. A line is a kind: its name, its API group, its scope, and the versions that are read.
macro_rules! kinds {
    ($($kind:ident = $name:literal, $group:literal, $scope:ident, $versions:expr;)*) => {
        /// A kind of object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each variant is the kind of that name")]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            const EVERY: &[Self] = &[$(Self::$kind,)*];

            fn info(self) -> &'static Info {
                match self {
                    $(Self::$kind => &Info {
                        name: $name, group: $group, scope: NamespaceScope::$scope, versions: $versions
                    },)*
                }
            }
        }
    };
}

/// The versions of most kinds of Istio's networking group. They have one schema.
const NETWORKING: &[&str] = &["v1", "v1beta1", "v1alpha3"];
/// The versions of the kinds of Istio's security group.
const SECURITY: &[&str] = &["v1", "v1beta1"];

// Sorted by name, then by group: issues and objects are listed in this order.
kinds! {
    AuthorizationPolicy = "AuthorizationPolicy", "security.istio.io", Namespaced, SECURITY;
    ConfigMap = "ConfigMap", "", Namespaced, &["v1"];
    DestinationRule = "DestinationRule", "networking.istio.io", Namespaced, NETWORKING;
    EndpointSlice = "EndpointSlice", "discovery.k8s.io", Namespaced, &["v1"];
    EnvoyFilter = "EnvoyFilter", "networking.istio.io", Namespaced, &["v1alpha3"];
    File = "File", "", Cluster, &[];
    KubernetesGateway = "Gateway", "gateway.networking.k8s.io", Namespaced, &[];
    Gateway = "Gateway", "networking.istio.io", Namespaced, NETWORKING;
    Ingress = "Ingress", "networking.k8s.io", Namespaced, &["v1"];
    IngressClass = "IngressClass", "networking.k8s.io", Cluster, &["v1"];
    MeshConfig = "MeshConfig", "", Cluster, &[];
    Namespace = "Namespace", "", Cluster, &["v1"];
    Node = "Node", "", Cluster, &["v1"];
    PeerAuthentication = "PeerAuthentication", "security.istio.io", Namespaced, SECURITY;
    Pod = "Pod", "", Namespaced, &["v1"];
    ProxyConfig = "ProxyConfig", "networking.istio.io", Namespaced, &["v1beta1"];
    RequestAuthentication = "RequestAuthentication", "security.istio.io", Namespaced, SECURITY;
    Secret = "Secret", "", Namespaced, &["v1"];
    Service = "Service", "", Namespaced, &["v1"];
    ServiceAccount = "ServiceAccount", "", Namespaced, &["v1"];
    ServiceEntry = "ServiceEntry", "networking.istio.io", Namespaced, NETWORKING;
    Sidecar = "Sidecar", "networking.istio.io", Namespaced, NETWORKING;
    Telemetry = "Telemetry", "telemetry.istio.io", Namespaced, &["v1", "v1alpha1"];
    TrafficExtension = "TrafficExtension", "extensions.istio.io", Namespaced, &["v1alpha1"];
    VirtualService = "VirtualService", "networking.istio.io", Namespaced, NETWORKING;
    WasmPlugin = "WasmPlugin", "extensions.istio.io", Namespaced, &["v1alpha1"];
    WorkloadEntry = "WorkloadEntry", "networking.istio.io", Namespaced, NETWORKING;
    WorkloadGroup = "WorkloadGroup", "networking.istio.io", Namespaced, NETWORKING;
    Document = "document", "", Cluster, &[];
}

impl Kind {
    /// All kinds that are read.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::EVERY.iter().copied().filter(|kind| kind.is_read())
    }

    /// The kind of a document by its `apiVersion` and `kind`; none when it is not read. Every served version is taken.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let is_it = |of: &Self| of.name() == kind && of.group() == group && of.info().versions.contains(&version);
        Self::EVERY.iter().copied().find(is_it)
    }

    /// As in YAML.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// API group; empty for the core group and for what no API has.
    #[must_use]
    pub fn group(self) -> &'static str {
        self.info().group
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        self.info().scope == NamespaceScope::Namespaced
    }

    /// Whether objects of the kind are read. Of the others only issues speak: of a file or a document that holds no
    /// object that can be named. A MeshConfig has a file of its own, and neither `apiVersion` nor `kind`.
    fn is_read(self) -> bool {
        self == Self::MeshConfig || !self.info().versions.is_empty()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_each_is_found_by_group_and_name() {
        assert!(Kind::EVERY.is_sorted_by_key(|kind| (kind.name(), kind.group())));
        for kind in Kind::all().filter(|kind| *kind != Kind::MeshConfig) {
            for version in kind.info().versions {
                let group = kind.group();
                let api = if group.is_empty() { (*version).to_owned() } else { format!("{group}/{version}") };
                assert_eq!(Kind::of(&api, kind.name()), Some(kind), "{api}");
            }
        }
    }

    #[test]
    fn kinds_of_one_name_in_other_groups_are_others() {
        assert_eq!(Kind::of("networking.istio.io/v1", "Gateway"), Some(Kind::Gateway));
        assert_eq!(Kind::of("v1", "Service"), Some(Kind::Service));
        for (api, kind) in [
            ("gateway.networking.k8s.io/v1", "Gateway"),
            ("serving.knative.dev/v1", "Service"),
            ("networking.istio.io/v1", "Service"),
            ("", "MeshConfig"),
            ("", "File"),
        ] {
            assert_eq!(Kind::of(api, kind), None, "{api} {kind}");
        }
        assert_eq!(Kind::KubernetesGateway.name(), Kind::Gateway.name());
        assert_ne!(Kind::KubernetesGateway, Kind::Gateway);
    }
}
