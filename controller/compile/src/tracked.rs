//! The only way to read a snapshot in this crate. Each read notes its question, so that a later revision tells by
//! itself which results are due: those whose answers differ.
//!
//! The snapshot is private to this module. A part that is read around it does not compile, so no dependency can be
//! forgotten:
//!
//! ```compile_fail,E0616
//! fn read_around(tracked: &heddle_compile::Tracked<'_>) -> usize {
//!     tracked.snapshot.gateways.len()
//! }
//! ```

mod client;
mod delta;
mod question;
mod reads;
mod revision;

use std::{cell::RefCell, collections::BTreeSet, net::IpAddr, sync::Arc};

use heddle_model::{
    Text,
    authn::{EffectiveMtls, MtlsMode},
    authz::AuthorizationPolicy,
    destination_rule::DestinationRule,
    endpoint::Endpoint,
    facets::ProxyFacets,
    gateway::Gateway,
    host::Host,
    labels::Labels,
    mesh::Mesh,
    object::Origin,
    proxy::Proxy,
    route::{Reach, VirtualService},
    secret::Secret,
    service::{Service, ServiceKey},
    sidecar::Sidecar,
    snapshot::Snapshot,
    workload::Workload,
};

use crate::by_ptr::ByPtr;

pub(crate) use client::Client;
pub(crate) use delta::Delta;
pub(crate) use question::{Question, RuleDirection, RuleUse, endpoint_namespace};
pub(crate) use reads::{Questions, Reads};
pub(crate) use revision::Revision;

/// What was asked of a snapshot.
pub(crate) type Asked = BTreeSet<Question>;

/// One snapshot as one compilation reads it.
#[derive(Debug)]
pub struct Tracked<'a> {
    snapshot: &'a Snapshot,
    asked: RefCell<Asked>,
}

impl<'a> Tracked<'a> {
    /// A snapshot of which nothing was asked yet.
    fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, asked: RefCell::default() }
    }

    /// Does some work, and gives its result with what it asked. What was asked before stays apart.
    pub(crate) fn noted<T>(&self, work: impl FnOnce() -> T) -> (T, Asked) {
        let outer = self.asked.take();
        let result = work();
        (result, self.asked.replace(outer))
    }

    /// Adds what some other work has asked.
    pub(crate) fn ask_also(&self, asked: Asked) {
        self.asked.borrow_mut().extend(asked);
    }

    fn ask(&self, question: Question) {
        self.asked.borrow_mut().insert(question);
    }

    /// Mesh-wide settings.
    pub(crate) fn mesh(&self) -> &'a Arc<Mesh> {
        self.ask(Question::Mesh);
        &self.snapshot.mesh
    }

    /// What of a proxy the objects read.
    pub(crate) fn facets(&self) -> &'a ProxyFacets {
        self.ask(Question::Facets);
        &self.snapshot.facets
    }

    /// The services that a namespace sees.
    pub(crate) fn services(&self, namespace: &Text) -> impl Iterator<Item = &'a Arc<Service>> + use<'a> {
        self.ask(Question::Services(namespace.clone()));
        let namespace = namespace.clone();
        self.snapshot.services.iter().filter(move |service| service.export_to.sees(&namespace))
    }

    /// The endpoints of a service.
    pub(crate) fn endpoints(&self, service: &ServiceKey) -> Option<&'a Arc<Vec<Endpoint>>> {
        self.ask(Question::Endpoints(service.clone()));
        self.snapshot.endpoints.get(service)
    }

    /// The services with an endpoint at one of these addresses.
    pub(crate) fn services_at(&self, addresses: &[IpAddr]) -> Vec<&'a Arc<Service>> {
        self.ask(Question::ServicesAt(addresses.to_vec()));
        let keys: BTreeSet<_> = addresses.iter().flat_map(|address| self.snapshot.endpoints.at(*address)).collect();
        keys.into_iter().filter_map(|key| self.snapshot.services.get(key)).collect()
    }

    /// The workload of a proxy: by its name, else by its address.
    pub(crate) fn workload(&self, proxy: &Proxy) -> Option<&'a Arc<Workload>> {
        self.ask(Question::workload(proxy));
        question::workload(self.snapshot, &proxy.namespace, &proxy.name, &proxy.addresses)
    }

    /// The VirtualServices that a client sees, oldest first, without their HTTP routes: see [`Self::virtual_service`].
    pub(crate) fn virtual_services(&self, client: &Client) -> impl Iterator<Item = &'a Arc<Reach>> + use<'a> {
        self.ask(Question::VirtualServices(client.namespace.clone(), client.kind));
        let (namespace, kind) = (client.namespace.clone(), client.kind);
        let all = self.snapshot.virtual_services.values().map(|virtual_service| &virtual_service.reach);
        all.filter(move |reach| question::sees(reach, &namespace, kind))
    }

    /// A VirtualService with its HTTP routes.
    pub(crate) fn virtual_service(&self, origin: &Origin) -> Option<&'a Arc<VirtualService>> {
        self.ask(Question::VirtualService(origin.clone()));
        self.snapshot.virtual_services.get(origin)
    }

    /// The DestinationRule in a namespace that binds a client and a host.
    pub(crate) fn destination_rule(
        &self,
        (namespace, host, of_use): (&Text, &Host, RuleUse),
        client: &Client,
    ) -> Option<&'a Arc<DestinationRule>> {
        self.ask(Question::DestinationRule(namespace.clone(), host.clone(), of_use));
        question::destination_rule(self.snapshot, (namespace, host, of_use), client)
    }

    /// The Sidecar that binds a workload: by its labels, else of its namespace, else of the mesh.
    pub(crate) fn sidecar(&self, namespace: &Text, labels: &Labels) -> Option<&'a Arc<Sidecar>> {
        self.ask(Question::Mesh);
        self.ask(Question::Sidecar(namespace.clone(), labels.clone()));
        question::sidecar(self.snapshot, namespace, labels)
    }

    /// The Gateways that a gateway proxy serves, oldest first: by its labels, or by the services in front of it.
    pub(crate) fn gateways(&self, labels: &Labels, services: &BTreeSet<Host>) -> Vec<&'a Arc<Gateway>> {
        self.ask(Question::Gateways(labels.clone(), services.clone()));
        question::gateways(self.snapshot, labels, services)
    }

    /// Whether some server of these Gateways passes TLS on by its SNI (`AUTO_PASSTHROUGH`).
    pub(crate) fn passes_tls_on(&self, labels: &Labels, services: &BTreeSet<Host>) -> bool {
        self.ask(Question::PassesTlsOn(labels.clone(), services.clone()));
        question::passes_tls_on(self.snapshot, labels, services)
    }

    /// The mode of a namespace's workloads that no policy selects.
    pub(crate) fn namespace_mtls(&self, namespace: &Text) -> MtlsMode {
        self.ask(Question::Mesh);
        self.ask(Question::NamespaceMtls(namespace.clone()));
        question::namespace_mtls(self.snapshot, namespace)
    }

    /// The modes that bind a workload.
    pub(crate) fn workload_mtls(&self, namespace: &Text, labels: &Labels) -> EffectiveMtls {
        self.ask(Question::Mesh);
        self.ask(Question::WorkloadMtls(namespace.clone(), labels.clone()));
        question::workload_mtls(self.snapshot, namespace, labels)
    }

    /// The AuthorizationPolicies that bind a workload: those of the root namespace first, the oldest first.
    pub(crate) fn policies(&self, namespace: &Text, labels: &Labels) -> Vec<ByPtr<AuthorizationPolicy>> {
        self.ask(Question::Mesh);
        self.ask(Question::Policies(namespace.clone(), labels.clone()));
        question::policies(self.snapshot, namespace, labels).into_iter().map(ByPtr::new).collect()
    }

    /// Of a service's endpoints in a namespace, those whose policies forbid mutual TLS, by their place in the list.
    pub(crate) fn plaintext(&self, namespace: &Text, service: &ServiceKey) -> Vec<usize> {
        self.ask(Question::Mesh);
        self.ask(Question::Endpoints(service.clone()));
        self.ask(Question::Plaintext(namespace.clone(), service.clone()));
        question::plaintext(self.snapshot, namespace, service)
    }

    /// A Secret.
    pub(crate) fn secret(&self, namespace: &Text, name: &Text) -> Option<&'a Arc<Secret>> {
        self.ask(Question::Secret(namespace.clone(), name.clone()));
        self.snapshot.secrets.get(&(namespace.clone(), name.clone()))
    }

    /// All Secrets of a namespace.
    pub(crate) fn secrets(&self, namespace: &Text) -> impl Iterator<Item = &'a Arc<Secret>> + use<'a> {
        self.ask(Question::Secrets(namespace.clone()));
        let namespace = namespace.clone();
        self.snapshot.secrets.values().filter(move |secret| *secret.origin.namespace() == namespace)
    }

    /// Whether Secrets are taken to exist that are not there. It is set once a process, so nothing depends on it.
    pub(crate) fn assumes_secrets(&self) -> bool {
        self.snapshot.assume_secrets
    }
}
