//! Keys of clusters: everything that a cluster depends on, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    Text,
    authn::MtlsMode,
    endpoint::Endpoint,
    host::Host,
    identity::Identity,
    protocol::Protocol,
    proxy::ProxyKind,
    service::{Resolution, Service, ServicePort},
    tls::{ClientTls, ClientTlsMode},
    traffic::Balance,
};

use heddle_xds_api::TypeUrl;

use super::destination::{Destination, Purpose};
use crate::{
    by_ptr::ByPtr, endpoint::EndpointKey, entry::Entry, memo::Key, scope::Scope, view::ViewKey, visible::Lookup,
};

/// All that one outbound cluster depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClusterKey {
    /// Where it leads.
    pub(crate) destination: Destination,
    /// Who asks.
    pub(crate) client: Arc<ClusterClient>,
    /// Endpoints that are part of the cluster itself, because their names are to be resolved; none: sent apart.
    pub(crate) inline: Option<EndpointKey>,
    /// Identities of the endpoints, in order: the only ones that mutual TLS accepts.
    pub(crate) accounts: Vec<Identity>,
    /// Whether the endpoints are known to take mutual TLS, are known not to, or each says for itself.
    pub(crate) peers: Peers,
    /// Whether the secret that the policy names is there.
    pub(crate) credential: Credential,
}

/// What clusters need to know of their client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClusterClient {
    /// Sidecar or gateway.
    pub(crate) kind: ProxyKind,
    /// Has an IPv4 address.
    pub(crate) ipv4: bool,
    /// Has an IPv6 address.
    pub(crate) ipv6: bool,
    /// Has Istio's exchange of peers' names compiled in, and with it the filter that sets the ALPN of each request.
    pub(crate) peer_exchange: bool,
    /// Files of certificates that its metadata names (`TLS_CLIENT_CERT_CHAIN` and the like).
    pub(crate) tls_files: BTreeMap<Text, Text>,
}

/// Whether auto mTLS is worth trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Peers {
    /// No: the service's namespace refuses it, or some endpoint behind an original destination has no sidecar.
    Plain,
    /// Yes, to each endpoint that says so.
    Mutual,
}

/// A secret named by a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Credential {
    /// None is named.
    Unused,
    /// It is there with all that the mode needs.
    Ready,
    /// It is not.
    Missing,
}

/// Keys of the clusters that lead to a host.
pub(crate) fn keys(scope: &Scope<'_>, client: &Arc<ClusterClient>, host: &Host) -> Vec<ClusterKey> {
    destinations(scope, host).into_iter().map(|destination| key(scope, client, destination)).collect()
}

/// The destinations of a host: each port of its service, whole and by subset.
pub(crate) fn destinations(scope: &Scope<'_>, host: &Host) -> Vec<Destination> {
    let Some(import) = scope.seen.services.get(host) else { return Vec::new() };
    let purposes: &[Purpose] =
        if scope.seen.passes_tls_on { &[Purpose::Outbound, Purpose::SniDnat] } else { &[Purpose::Outbound] };
    let mut destinations = Vec::new();
    let asked = |port: &&ServicePort| import.ports.as_ref().is_none_or(|ports| ports.contains(&port.number));
    let proxied = |port: &&ServicePort| port.protocol != Protocol::Udp;
    for port in import.service.ports.iter().filter(asked).filter(proxied) {
        for purpose in purposes.iter().filter(|p| **p == Purpose::Outbound || !import.service.external) {
            whole_and_subsets(scope, &import.service, port, *purpose, &mut destinations);
        }
    }
    destinations
}

impl Key for ClusterKey {
    type Value = Entry;

    fn compile(&self) -> Entry {
        Entry::new(TypeUrl::Cluster, self.name(), super::cluster(self))
    }
}

impl ClusterKey {
    /// Name of the cluster.
    pub(crate) fn name(&self) -> String {
        self.destination.name()
    }
}

impl ClusterClient {
    /// What clusters need of a view.
    pub(crate) fn of(view: &ViewKey) -> Self {
        let exchange = ["istio.metadata_exchange", "envoy.filters.network.upstream.metadata_exchange"];
        Self {
            kind: view.kind,
            ipv4: view.ipv4,
            ipv6: view.ipv6,
            peer_exchange: exchange.iter().any(|name| view.can.has(name)),
            tls_files: view.tls_files.clone(),
        }
    }
}

fn whole_and_subsets(
    scope: &Scope<'_>,
    service: &Arc<Service>,
    port: &ServicePort,
    purpose: Purpose,
    into: &mut Vec<Destination>,
) {
    let whole = whole(scope, service, port, purpose);
    let rule = whole.rule.clone();
    let mut seen = BTreeSet::new();
    for subset in rule.iter().flat_map(|rule| &rule.subsets) {
        if seen.insert(subset.name.clone()) {
            into.push(Destination { subset: Some(subset.name.clone()), ..whole.clone() });
        }
    }
    into.push(whole);
}

/// A port of a service, with all of its endpoints.
pub(super) fn whole(known: &impl Lookup, service: &Arc<Service>, port: &ServicePort, purpose: Purpose) -> Destination {
    Destination {
        purpose,
        service: ByPtr::new(service),
        port: port.clone(),
        subset: None,
        rule: known.rule(service).map(ByPtr::new),
        mesh: ByPtr::new(known.mesh()),
    }
}

fn key(scope: &Scope<'_>, client: &Arc<ClusterClient>, destination: Destination) -> ClusterKey {
    let endpoints = EndpointKey::of(scope, &destination);
    let serving = || endpoints.endpoints.iter().filter(|e| *e.service_port == *destination.port.name);
    let mut accounts: Vec<Identity> = serving().filter_map(|e| e.identity.clone()).collect();
    accounts.sort();
    accounts.dedup();
    ClusterKey {
        client: client.clone(),
        peers: peers(scope, &destination, serving()),
        credential: credential(scope, &destination),
        accounts: if destination.purpose == Purpose::Outbound { accounts } else { Vec::new() },
        inline: resolves_names(&destination).then_some(endpoints),
        destination,
    }
}

fn resolves_names(destination: &Destination) -> bool {
    matches!(destination.service.resolution, Resolution::Dns | Resolution::DnsRoundRobin)
}

fn peers<'a>(scope: &Scope<'_>, destination: &Destination, mut serving: impl Iterator<Item = &'a Endpoint>) -> Peers {
    let service = &destination.service;
    let by_original = service.resolution == Resolution::Passthrough
        || destination.policy().balancer.is_some_and(|balancer| balancer.choice == Balance::Passthrough);
    if by_original {
        // There is one socket for all of them, so all must take it.
        let first = serving.next();
        if !first.is_some_and(|e| e.mtls) || !serving.all(|e| e.mtls) {
            return Peers::Plain;
        }
    }
    match scope.tracked.namespace_mtls(service.namespace()) {
        MtlsMode::Disable => Peers::Plain,
        MtlsMode::Permissive | MtlsMode::Strict => Peers::Mutual,
    }
}

/// Whether the named secret is in the client's namespace with what the mode needs.
fn credential(scope: &Scope<'_>, destination: &Destination) -> Credential {
    let policy = destination.policy();
    let Some(tls) = policy.tls.filter(|tls| !tls.credential.is_empty()) else { return Credential::Unused };
    let Some(name) = secret_name(tls).filter(|_| !scope.tracked.assumes_secrets()) else { return Credential::Ready };
    let found = |name: &str| {
        // Only of its own namespace: a rule must not hand out the secrets of others.
        let (namespace, name) = name.split_once('/').unwrap_or((&scope.view.namespace, name));
        let own = *namespace == *scope.view.namespace;
        own.then(|| scope.tracked.secret(&scope.view.namespace, &name.into())).flatten()
    };
    let own = found(name);
    let roots = found(&format!("{name}-cacert")).or(own).is_some_and(|secret| !secret.roots.is_empty());
    let roots = roots || tls.insecure_skip_verify == Some(true);
    let pair = own.is_some_and(|secret| !secret.certificate.is_empty() && !secret.key.is_empty());
    let ready = match tls.mode {
        ClientTlsMode::Simple => roots,
        ClientTlsMode::Mutual => roots && pair,
        ClientTlsMode::Disable | ClientTlsMode::IstioMutual => true,
    };
    if ready { Credential::Ready } else { Credential::Missing }
}

/// Name of a Kubernetes secret; none for secrets of other stores, which cannot be looked up here.
fn secret_name(tls: &ClientTls) -> Option<&str> {
    match tls.credential.split_once("://") {
        None => Some(&tls.credential),
        Some(("kubernetes", name)) => Some(name),
        Some(_) => None,
    }
}
