//! One revision of the whole mesh. Its parts are shared with the revision before, so "unchanged" means "same pointer".

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Text,
    authn::PeerAuthentications,
    authz::AuthorizationPolicies,
    destination_rule::DestinationRules,
    facets::ProxyFacets,
    gateway::Gateway,
    issue::Issue,
    labels::Labels,
    mesh::Mesh,
    route::VirtualServices,
    secret::Secrets,
    service::{Endpoints, Services},
    settings::ProxySettings,
    sidecar::Sidecar,
    workload::Workloads,
};

/// Everything that compile reads.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Counts commits: of two snapshots of one store the newer one has the greater number.
    pub revision: u64,
    /// Whether every source has delivered what it had at start: before, no stream is answered.
    pub synced: bool,
    /// Mesh-wide settings.
    pub mesh: Arc<Mesh>,
    /// Services.
    pub services: Arc<Services>,
    /// Their endpoints.
    pub endpoints: Arc<Endpoints>,
    /// Workloads by address.
    pub workloads: Arc<Workloads>,
    /// VirtualServices, oldest first, delegates merged in and gone from the list.
    pub virtual_services: Arc<VirtualServices>,
    /// DestinationRules by namespace.
    pub destination_rules: Arc<DestinationRules>,
    /// Gateways, oldest first.
    pub gateways: Arc<Vec<Arc<Gateway>>>,
    /// Sidecars, oldest first.
    pub sidecars: Arc<Vec<Arc<Sidecar>>>,
    /// PeerAuthentications.
    pub peer_authentications: Arc<PeerAuthentications>,
    /// AuthorizationPolicies.
    pub authorization_policies: Arc<AuthorizationPolicies>,
    /// ProxyConfigs, oldest first. They are read when pods get their proxy, and change nothing of one that runs.
    pub proxy_settings: Arc<Vec<Arc<ProxySettings>>>,
    /// Secrets that hold certificates.
    pub secrets: Arc<Secrets>,
    /// Secrets that listeners name are taken to exist, though they are not here: offline, where nobody keeps them.
    pub assume_secrets: bool,
    /// Labels of namespaces.
    pub namespaces: Arc<BTreeMap<Text, Labels>>,
    /// What of proxies the objects read.
    pub facets: Arc<ProxyFacets>,
    /// What ingest and merge found wrong.
    pub issues: Arc<Vec<Issue>>,
}

impl Snapshot {
    /// Whether both have the same parts, of those that proxies' resources are compiled from.
    #[must_use]
    pub fn has_parts_of(&self, other: &Self) -> bool {
        // Named one by one, so that a new part cannot be left out: a change of it would be lost.
        let Self {
            mesh,
            services,
            endpoints,
            workloads,
            virtual_services,
            destination_rules,
            gateways,
            sidecars,
            peer_authentications,
            authorization_policies,
            secrets,
            namespaces,
            facets,
            // No resource is compiled from these.
            revision: _,
            synced: _,
            proxy_settings: _,
            assume_secrets: _,
            issues: _,
        } = self;
        Arc::ptr_eq(mesh, &other.mesh)
            && Arc::ptr_eq(services, &other.services)
            && Arc::ptr_eq(endpoints, &other.endpoints)
            && Arc::ptr_eq(workloads, &other.workloads)
            && Arc::ptr_eq(virtual_services, &other.virtual_services)
            && Arc::ptr_eq(destination_rules, &other.destination_rules)
            && Arc::ptr_eq(gateways, &other.gateways)
            && Arc::ptr_eq(sidecars, &other.sidecars)
            && Arc::ptr_eq(peer_authentications, &other.peer_authentications)
            && Arc::ptr_eq(authorization_policies, &other.authorization_policies)
            && Arc::ptr_eq(secrets, &other.secrets)
            && Arc::ptr_eq(namespaces, &other.namespaces)
            && Arc::ptr_eq(facets, &other.facets)
    }
}
