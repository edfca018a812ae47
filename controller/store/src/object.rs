//! Objects as users applied them: a key, the metadata that we read, and the typed spec.

mod read;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use heddle_crds::{
    mesh::MeshConfig,
    networking::{destination_rule, gateway, proxy_config, service_entry, sidecar, virtual_service, workload_entry},
    security::peer_authentication,
};
use heddle_model::{
    Text,
    issue::Issue,
    labels::Labels,
    object::{ObjectRef, Origin},
};

use crate::kube;

pub use read::Reading;

/// A kind of object that the store reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is the kind of that name")]
pub enum Kind {
    MeshConfig,
    Namespace,
    Node,
    ServiceAccount,
    ConfigMap,
    Secret,
    Pod,
    Service,
    EndpointSlice,
    Ingress,
    IngressClass,
    ServiceEntry,
    WorkloadEntry,
    VirtualService,
    DestinationRule,
    Gateway,
    Sidecar,
    ProxyConfig,
    PeerAuthentication,
}

/// Names one object. Cluster-scoped kinds have an empty namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Kind.
    pub kind: Kind,
    /// Namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its name.
    pub key: ObjectKey,
    /// Its metadata, as far as it is read.
    pub meta: Meta,
    /// What it says.
    pub spec: Spec,
    /// What reading it found: unknown fields, or why it could not be read.
    pub issues: Vec<Issue>,
}

/// Metadata, as far as it is read. What changes without meaning (resource versions, managers) is not kept, so that an
/// object written again unchanged is equal to itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Labels.
    pub labels: Labels,
    /// Annotations of the mesh (`*istio.io/*`), and the one that names an Ingress's class.
    pub annotations: BTreeMap<Text, Text>,
    /// Creation time in seconds since 1970; 0 when it is not known.
    pub created: i64,
}

/// What an object says, by kind.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each variant is the kind of that name")]
pub enum Spec {
    /// It could not be read: the version before, if there was one, stays in force.
    Malformed,
    MeshConfig(Box<MeshConfig>),
    Namespace,
    Node,
    ServiceAccount,
    ConfigMap(Box<kube::ConfigMap>),
    Secret(Box<kube::Secret>),
    Pod(Box<kube::Pod>),
    Service(Box<kube::Service>),
    EndpointSlice(Box<kube::EndpointSlice>),
    Ingress(Box<kube::Ingress>),
    IngressClass(Box<kube::IngressClass>),
    ServiceEntry(Box<ServiceEntry>),
    WorkloadEntry(Box<workload_entry::Spec>),
    VirtualService(Box<virtual_service::Spec>),
    DestinationRule(Box<destination_rule::Spec>),
    Gateway(Box<gateway::Spec>),
    Sidecar(Box<sidecar::Spec>),
    ProxyConfig(Box<proxy_config::Spec>),
    PeerAuthentication(Box<peer_authentication::Spec>),
}

/// A ServiceEntry with the addresses that its status keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Spec.
    pub spec: service_entry::Spec,
    /// Addresses allocated earlier, by host, from `status.addresses`.
    pub allocated: BTreeMap<Text, Vec<IpAddr>>,
}

/// What a source reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An object is there, new or changed.
    Apply(Box<Object>),
    /// An object is gone.
    Delete(ObjectKey),
    /// All objects of a kind: what is missing from it was deleted.
    Relist(Kind, Vec<Object>),
    /// All that existed of a kind at start has been reported.
    Synced(Kind),
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 19] = [
        Self::MeshConfig,
        Self::Namespace,
        Self::Node,
        Self::ServiceAccount,
        Self::ConfigMap,
        Self::Secret,
        Self::Pod,
        Self::Service,
        Self::EndpointSlice,
        Self::Ingress,
        Self::IngressClass,
        Self::ServiceEntry,
        Self::WorkloadEntry,
        Self::VirtualService,
        Self::DestinationRule,
        Self::Gateway,
        Self::Sidecar,
        Self::ProxyConfig,
        Self::PeerAuthentication,
    ];

    /// The kind of a document by its `apiVersion` and `kind`; none when it is not read. Every served version is taken.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|k| k.name() == kind)?;
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let versions: &[&str] = match found {
            Self::MeshConfig => return None,
            Self::PeerAuthentication => &["v1", "v1beta1"],
            Self::ProxyConfig => &["v1beta1"],
            _ if found.group() == "networking.istio.io" => &["v1", "v1beta1", "v1alpha3"],
            _ => &["v1"],
        };
        (group == found.group() && versions.contains(&version)).then_some(found)
    }

    /// As in YAML.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MeshConfig => "MeshConfig",
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::ServiceAccount => "ServiceAccount",
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Ingress => "Ingress",
            Self::IngressClass => "IngressClass",
            Self::ServiceEntry => "ServiceEntry",
            Self::WorkloadEntry => "WorkloadEntry",
            Self::VirtualService => "VirtualService",
            Self::DestinationRule => "DestinationRule",
            Self::Gateway => "Gateway",
            Self::Sidecar => "Sidecar",
            Self::ProxyConfig => "ProxyConfig",
            Self::PeerAuthentication => "PeerAuthentication",
        }
    }

    /// API group; empty for the core group and for MeshConfig, which has none.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::MeshConfig
            | Self::Namespace
            | Self::Node
            | Self::ServiceAccount
            | Self::ConfigMap
            | Self::Secret
            | Self::Pod
            | Self::Service => "",
            Self::EndpointSlice => "discovery.k8s.io",
            Self::Ingress | Self::IngressClass => "networking.k8s.io",
            Self::ServiceEntry
            | Self::WorkloadEntry
            | Self::VirtualService
            | Self::DestinationRule
            | Self::Gateway
            | Self::Sidecar
            | Self::ProxyConfig => "networking.istio.io",
            Self::PeerAuthentication => "security.istio.io",
        }
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        !matches!(self, Self::MeshConfig | Self::Namespace | Self::Node | Self::IngressClass)
    }
}

impl ObjectKey {
    /// A key of its parts.
    pub fn new(kind: Kind, namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// The object as issues and resources name it.
    #[must_use]
    pub fn reference(&self) -> Arc<ObjectRef> {
        Arc::new(ObjectRef::new(self.kind.name(), self.namespace.clone(), self.name.clone()))
    }
}

impl Object {
    /// Where values made of it come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { object: self.key.reference(), created: self.meta.created }
    }
}
