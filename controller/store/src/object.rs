//! Objects as users applied them: a key, the metadata that we read, and the typed spec.

mod read;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use heddle_crds::{
    mesh::MeshConfig,
    networking::{destination_rule, gateway, proxy_config, service_entry, sidecar, virtual_service, workload_entry},
    security::{authorization_policy, peer_authentication},
};
use heddle_model::{
    Text,
    issue::Issue,
    labels::Labels,
    object::{Kind, ObjectRef, Origin},
};

use crate::kube;

pub use read::Reading;

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Which object it is.
    pub key: Arc<ObjectRef>,
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
    AuthorizationPolicy(Box<authorization_policy::Spec>),
    /// A kind that has no effect yet. Nothing of its spec is kept.
    Unsupported,
}

/// A ServiceEntry with the addresses that its status keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Spec.
    pub spec: service_entry::Spec,
    /// Addresses allocated earlier, by host, from `status.addresses`.
    pub allocated: BTreeMap<Text, Vec<IpAddr>>,
}

/// What events come from. Of one object that several sources give, the version of the first source counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceId {
    /// The folders of files: what an operator names there counts more than what an API server has.
    Files,
    /// The API server of the cluster with this id; empty for the control plane's own.
    ApiServer(Text),
}

/// What a source reports. It speaks for itself: what another source gave stays.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An object is there, new or changed.
    Apply(SourceId, Box<Object>),
    /// An object is gone.
    Delete(SourceId, Arc<ObjectRef>),
    /// All objects of a kind that the source has: what is missing from it was deleted.
    Relist(SourceId, Kind, Vec<Object>),
    /// All that existed of a kind at start has been reported.
    Synced(SourceId, Kind),
}

/// The kind of the custom resource, where it is one.
#[must_use]
pub fn custom_kind(kind: Kind) -> Option<heddle_crds::kind::IstioKind> {
    heddle_crds::kind::IstioKind::ALL.into_iter().find(|of| of.name() == kind.name() && of.info().group == kind.group())
}

impl Object {
    /// Where values made of it come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::new(self.key.clone(), self.meta.created)
    }
}
