//! Questions to a snapshot: what one read depends on, and whether two revisions answer it alike.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use heddle_model::{
    Text,
    authn::{EffectiveMtls, MtlsMode},
    authz::AuthorizationPolicy,
    destination_rule::DestinationRule,
    endpoint::Endpoint,
    gateway::Gateway,
    host::Host,
    labels::Labels,
    object::Origin,
    proxy::{Proxy, ProxyKind},
    route::{GatewayRef, Reach},
    service::ServiceKey,
    sidecar::Sidecar,
    snapshot::Snapshot,
    tls::ServerTlsMode,
    workload::Workload,
};

use super::{Client, Delta};
use crate::{authz, mtls};

/// One question. It is as fine as its answer, so that what does not change the answer makes nothing due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// Mesh-wide settings.
    Mesh,
    /// What of proxies the objects read.
    Facets,
    /// The services that a namespace sees.
    Services(Text),
    /// The endpoints of a service.
    Endpoints(ServiceKey),
    /// The services with an endpoint at one of these addresses.
    ServicesAt(Vec<IpAddr>),
    /// A workload by namespace, name, addresses.
    Workload(Text, Text, Vec<IpAddr>),
    /// What VirtualServices reach, of those that proxies of a kind in a namespace see.
    VirtualServices(Text, ProxyKind),
    /// All of a VirtualService.
    VirtualService(Origin),
    /// The rule in a namespace that binds the client and a host.
    DestinationRule(Text, Host, RuleUse),
    /// The Sidecar that binds a workload, by namespace and labels.
    Sidecar(Text, Labels),
    /// The Gateways that a proxy serves, by its labels and the services in front of it.
    Gateways(Labels, BTreeSet<Host>),
    /// Whether one of them passes TLS on.
    PassesTlsOn(Labels, BTreeSet<Host>),
    /// The mutual TLS of a namespace.
    NamespaceMtls(Text),
    /// The mutual TLS of a workload, by namespace and labels.
    WorkloadMtls(Text, Labels),
    /// The endpoints of a service in a namespace that must not be sent mutual TLS.
    Plaintext(Text, ServiceKey),
    /// The AuthorizationPolicies of a workload, by namespace and labels.
    Policies(Text, Labels),
    /// A Secret by namespace and name.
    Secret(Text, Text),
    /// All Secrets of a namespace.
    Secrets(Text),
}

/// For what a client asks for a DestinationRule, and among which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleUse {
    /// Whose connections it binds.
    pub(crate) direction: RuleDirection,
    /// Only among the rules that no other namespace sees.
    pub(crate) is_private: bool,
}

/// Whose connections a DestinationRule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RuleDirection {
    /// Those that the client opens.
    Outbound,
    /// Those that the client's own workload accepts.
    Inbound,
}

/// The kinds of questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum QuestionKind {
    Mesh,
    Facets,
    Services,
    Endpoints,
    ServicesAt,
    Workload,
    VirtualServices,
    VirtualService,
    DestinationRule,
    Sidecar,
    Gateways,
    PeerAuthentications,
    AuthorizationPolicies,
    Secret,
    Secrets,
}

impl RuleUse {
    /// All.
    pub(super) const ALL: [Self; 4] = [
        Self { direction: RuleDirection::Outbound, is_private: false },
        Self { direction: RuleDirection::Outbound, is_private: true },
        Self { direction: RuleDirection::Inbound, is_private: false },
        Self { direction: RuleDirection::Inbound, is_private: true },
    ];
}

impl Question {
    /// Its kind.
    pub(super) fn kind(&self) -> QuestionKind {
        match self {
            Self::Mesh => QuestionKind::Mesh,
            Self::Facets => QuestionKind::Facets,
            Self::Services(_) => QuestionKind::Services,
            Self::Endpoints(_) => QuestionKind::Endpoints,
            Self::ServicesAt(_) => QuestionKind::ServicesAt,
            Self::Workload(..) => QuestionKind::Workload,
            Self::VirtualServices(..) => QuestionKind::VirtualServices,
            Self::VirtualService(_) => QuestionKind::VirtualService,
            Self::DestinationRule(..) => QuestionKind::DestinationRule,
            Self::Sidecar(..) => QuestionKind::Sidecar,
            Self::Gateways(..) | Self::PassesTlsOn(..) => QuestionKind::Gateways,
            Self::NamespaceMtls(_) | Self::WorkloadMtls(..) | Self::Plaintext(..) => QuestionKind::PeerAuthentications,
            Self::Policies(..) => QuestionKind::AuthorizationPolicies,
            Self::Secret(..) => QuestionKind::Secret,
            Self::Secrets(_) => QuestionKind::Secrets,
        }
    }

    /// The question for a proxy's workload.
    pub(super) fn workload(proxy: &Proxy) -> Self {
        Self::Workload(proxy.namespace.clone(), proxy.name.clone(), proxy.addresses.clone())
    }

    /// Whether the answer may have changed at all: a look at what differs, without asking again.
    pub(super) fn is_concerned(&self, delta: &Delta, root: &Text) -> bool {
        match self {
            Self::Mesh => delta.mesh,
            Self::Facets => delta.facets,
            Self::Services(_) => !delta.services.is_empty(),
            Self::Endpoints(key) => delta.endpoints.contains(key),
            Self::ServicesAt(addresses) => addresses.iter().any(|address| delta.backed.contains(address)),
            Self::Workload(namespace, name, addresses) => {
                delta.workloads.contains(&(namespace.clone(), name.clone()))
                    || addresses.iter().any(|address| delta.workload_addresses.contains(address))
            }
            Self::VirtualServices(..) => !delta.virtual_services.is_empty(),
            Self::VirtualService(origin) => delta.virtual_services.contains(origin),
            Self::DestinationRule(namespace, host, _) => delta.has_rule_for(namespace, host),
            Self::Sidecar(namespace, _) => delta.sidecars.contains(namespace) || delta.sidecars.contains(root),
            Self::Gateways(..) | Self::PassesTlsOn(..) => delta.gateways,
            Self::NamespaceMtls(namespace) | Self::WorkloadMtls(namespace, _) | Self::Plaintext(namespace, _) => {
                delta.peer_authentications.contains(namespace) || delta.peer_authentications.contains(root)
            }
            Self::Policies(namespace, _) => {
                delta.authorization_policies.contains(namespace) || delta.authorization_policies.contains(root)
            }
            Self::Secret(namespace, name) => delta.secrets.contains(&(namespace.clone(), name.clone())),
            Self::Secrets(namespace) => delta.secrets.iter().any(|(of, _)| of == namespace),
        }
    }

    /// Whether two revisions answer otherwise. Values that are shared are compared by pointer.
    pub(super) fn differs(&self, (old, new): (&Snapshot, &Snapshot), delta: &Delta, client: &Client) -> bool {
        match self {
            // What differs of these is known by pointer already.
            Self::Mesh
            | Self::Facets
            | Self::Endpoints(_)
            | Self::ServicesAt(_)
            | Self::VirtualService(_)
            | Self::Secret(..)
            | Self::Secrets(_) => true,
            Self::Services(namespace) => {
                let sees = |of: &Snapshot, key| of.services.get(key).is_some_and(|one| one.export_to.sees(namespace));
                delta.services.iter().any(|key| sees(old, key) || sees(new, key))
            }
            Self::Workload(namespace, name, addresses) => {
                let ask = |of| workload(of, namespace, name, addresses).map(Arc::as_ptr);
                ask(old) != ask(new)
            }
            Self::VirtualServices(namespace, kind) => delta.virtual_services.iter().any(|origin| {
                let reach = |of: &Snapshot| {
                    let reach = of.virtual_services.get(origin).map(|one| one.reach.clone());
                    reach.filter(|reach| sees(reach, namespace, *kind))
                };
                match (reach(old), reach(new)) {
                    (Some(old), Some(new)) => !Arc::ptr_eq(&old, &new),
                    (old, new) => old.is_some() != new.is_some(),
                }
            }),
            Self::DestinationRule(namespace, host, of_use) => {
                let ask = |of| destination_rule(of, (namespace, host, *of_use), client).map(Arc::as_ptr);
                ask(old) != ask(new)
            }
            Self::Sidecar(namespace, labels) => {
                let ask = |of| sidecar(of, namespace, labels).map(Arc::as_ptr);
                ask(old) != ask(new)
            }
            Self::Gateways(labels, services) => {
                let ask = |of| gateways(of, labels, services).into_iter().map(Arc::as_ptr).collect::<Vec<_>>();
                ask(old) != ask(new)
            }
            Self::PassesTlsOn(labels, services) => {
                passes_tls_on(old, labels, services) != passes_tls_on(new, labels, services)
            }
            Self::NamespaceMtls(namespace) => namespace_mtls(old, namespace) != namespace_mtls(new, namespace),
            Self::WorkloadMtls(namespace, labels) => {
                workload_mtls(old, namespace, labels) != workload_mtls(new, namespace, labels)
            }
            Self::Policies(namespace, labels) => {
                let ask = |of| policies(of, namespace, labels).into_iter().map(Arc::as_ptr).collect::<Vec<_>>();
                ask(old) != ask(new)
            }
            Self::Plaintext(namespace, service) => {
                plaintext(old, namespace, service) != plaintext(new, namespace, service)
            }
        }
    }
}

/// The workload of a proxy: by its name, else by its address.
pub(super) fn workload<'a>(
    snapshot: &'a Snapshot,
    namespace: &Text,
    name: &str,
    addresses: &[IpAddr],
) -> Option<&'a Arc<Workload>> {
    let at = |ip: &IpAddr| snapshot.workloads.at(*ip).filter(|w| w.origin.namespace() == namespace);
    snapshot.workloads.named(namespace, name).or_else(|| addresses.iter().find_map(at))
}

/// Whether proxies of a kind in a namespace see a VirtualService. Sidecars see those that are bound to the mesh.
pub(super) fn sees(reach: &Reach, namespace: &str, kind: ProxyKind) -> bool {
    let bound = match kind {
        ProxyKind::Sidecar => reach.gateways.contains(&GatewayRef::Mesh),
        ProxyKind::Gateway => reach.gateways.iter().any(|gateway| *gateway != GatewayRef::Mesh),
    };
    bound && reach.export_to.sees(namespace)
}

/// The rule in a namespace that binds a client and a host: of the most specific host, by the client's labels first. A
/// rule that does not bind the client hides no other.
pub(super) fn destination_rule<'a>(
    snapshot: &'a Snapshot,
    (namespace, host, of_use): (&Text, &Host, RuleUse),
    client: &Client,
) -> Option<&'a Arc<DestinationRule>> {
    let rules = snapshot.destination_rules.get(namespace)?;
    let fits = |rule: &&Arc<DestinationRule>| {
        rule.export_to.sees(&client.namespace) && (!of_use.is_private || rule.export_to.is_only(namespace))
    };
    // A selector chooses callers of its own namespace; a workload's own ports are the same for all callers.
    let may_select = of_use.direction == RuleDirection::Outbound && *namespace == client.namespace;
    let selects =
        |rule: &&Arc<DestinationRule>| may_select && rule.selector.as_ref().is_some_and(|s| s.select(&client.labels));
    rules.chunk_by(|one, next| one.host == next.host).filter(|same| same[0].host.covers(host)).find_map(|same| {
        let fitting = || same.iter().filter(fits);
        fitting().find(selects).or_else(|| fitting().find(|rule| rule.selector.is_none()))
    })
}

/// The oldest Sidecar that binds a workload: by its labels, else of its namespace, else of the mesh.
pub(super) fn sidecar<'a>(snapshot: &'a Snapshot, namespace: &str, labels: &Labels) -> Option<&'a Arc<Sidecar>> {
    let of = |wanted: &str, selected: bool| {
        let binds = |sidecar: &&Arc<Sidecar>| match &sidecar.selector {
            Some(selector) => selected && !selector.is_empty() && selector.select(labels),
            None => !selected,
        };
        snapshot.sidecars.iter().filter(|sidecar| **sidecar.origin.namespace() == *wanted).find(binds)
    };
    of(namespace, true).or_else(|| of(namespace, false)).or_else(|| of(&snapshot.mesh.root_namespace, false))
}

/// The Gateways that a proxy serves, oldest first.
pub(super) fn gateways<'a>(
    snapshot: &'a Snapshot,
    labels: &Labels,
    services: &BTreeSet<Host>,
) -> Vec<&'a Arc<Gateway>> {
    let serves = |gateway: &&Arc<Gateway>| match gateway.services.as_slice() {
        [] => gateway.selector.select(labels),
        named => named.iter().any(|host| services.contains(host)),
    };
    snapshot.gateways.iter().filter(serves).collect()
}

/// Whether some server of the Gateways that a proxy serves passes TLS on by its SNI.
pub(super) fn passes_tls_on(snapshot: &Snapshot, labels: &Labels, services: &BTreeSet<Host>) -> bool {
    let gateways = gateways(snapshot, labels, services);
    let mut modes = gateways.iter().flat_map(|gateway| &gateway.servers).filter_map(|server| server.tls.as_ref());
    modes.any(|tls| tls.mode == ServerTlsMode::AutoPassthrough)
}

/// The mode of a namespace's workloads that no policy selects.
pub(super) fn namespace_mtls(snapshot: &Snapshot, namespace: &str) -> MtlsMode {
    mtls::of_namespace(&snapshot.peer_authentications, &snapshot.mesh.root_namespace, namespace)
}

/// The modes that bind a workload.
pub(super) fn workload_mtls(snapshot: &Snapshot, namespace: &str, labels: &Labels) -> EffectiveMtls {
    mtls::effective(&snapshot.peer_authentications, &snapshot.mesh.root_namespace, namespace, labels)
}

/// The AuthorizationPolicies that bind a workload.
pub(super) fn policies<'a>(
    snapshot: &'a Snapshot,
    namespace: &str,
    labels: &Labels,
) -> Vec<&'a Arc<AuthorizationPolicy>> {
    authz::effective(&snapshot.authorization_policies, &snapshot.mesh.root_namespace, namespace, labels)
}

/// Of a service's endpoints in a namespace, those whose policies forbid mutual TLS, by their place in the list.
pub(super) fn plaintext(snapshot: &Snapshot, namespace: &Text, service: &ServiceKey) -> Vec<usize> {
    let policies = &snapshot.peer_authentications;
    let root = &snapshot.mesh.root_namespace;
    if !policies.contains_key(namespace) && !policies.contains_key(root) {
        return Vec::new();
    }
    let refuses = |endpoint: &Endpoint| {
        endpoint_namespace(endpoint, service) == namespace
            && mtls::effective(policies, root, namespace, &endpoint.labels).of(endpoint.port) == MtlsMode::Disable
    };
    let endpoints = snapshot.endpoints.get(service).map(|all| all.as_slice()).unwrap_or_default();
    endpoints.iter().enumerate().filter(|(_, endpoint)| refuses(endpoint)).map(|(at, _)| at).collect()
}

/// The namespace whose policies bind an endpoint: that of its workload, else that of its service.
pub(crate) fn endpoint_namespace<'e>(endpoint: &'e Endpoint, service: &'e ServiceKey) -> &'e Text {
    match &*endpoint.workload.namespace {
        "" => &service.namespace,
        _ => &endpoint.workload.namespace,
    }
}
