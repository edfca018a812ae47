//! Scopes: which services, routes and rules a proxy sees, after Sidecars and `exportTo`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    Text,
    destination_rule::DestinationRule,
    host::Host,
    mesh::Mesh,
    protocol::Protocol,
    proxy::ProxyKind,
    route::Reach,
    service::{Resolution, Service, ServiceRegistry},
    sidecar::{Egress, EgressHost, EgressNamespace, OutboundPolicy, Sidecar},
};

use crate::{
    tracked::{Client, RuleDirection, RuleUse, Tracked},
    view::ViewKey,
};

/// What one view sees, in one snapshot.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    /// The snapshot.
    pub(crate) tracked: &'a Tracked<'a>,
    /// Mesh-wide settings.
    pub(crate) mesh: &'a Arc<Mesh>,
    /// The view.
    pub(crate) view: &'a ViewKey,
    /// The view, as far as the snapshot's answers depend on it.
    pub(crate) client: &'a Client,
    /// What it sees.
    pub(crate) seen: Arc<CachedScope>,
}

/// What a view sees: kept for changes that leave it as it is.
#[derive(Debug)]
pub(crate) struct CachedScope {
    /// The Sidecar that binds it.
    pub(crate) sidecar: Option<Arc<Sidecar>>,
    /// What happens to unknown destinations.
    pub(crate) outbound: OutboundPolicy,
    /// Outbound listeners in order; without a Sidecar one that takes everything.
    pub(crate) listeners: Vec<EgressScope>,
    /// Every service that some route or listener may need, by host.
    pub(crate) services: BTreeMap<Host, Import>,
    /// Names that stand for another (`ExternalName`), with the name at the end of the chain. They are no services of
    /// their own.
    aliases: BTreeMap<Host, Host>,
    /// Whether a gateway passes TLS on by its SNI.
    pub(crate) passes_tls_on: bool,
}

/// What one outbound listener sees.
#[derive(Clone, Debug)]
pub(crate) struct EgressScope {
    /// Its declaration; none: the default one.
    pub(crate) egress: Option<Egress>,
    /// Services, oldest first, one a host.
    pub(crate) services: Vec<Arc<Service>>,
    /// VirtualServices, oldest first.
    pub(crate) virtual_services: Vec<Arc<Reach>>,
}

/// A service that is needed, and which of its ports.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The service.
    pub(crate) service: Arc<Service>,
    /// Ports; none: all.
    pub(crate) ports: Option<BTreeSet<u16>>,
}

impl<'a> Scope<'a> {
    /// Works out what a view sees.
    pub(crate) fn new(tracked: &'a Tracked<'a>, view: &'a ViewKey, client: &'a Client) -> Self {
        Self::again(tracked, view, client, Arc::new(CachedScope::new(tracked, view, client)))
    }

    /// What the view saw before, in a snapshot that changes nothing of that.
    pub(crate) fn again(
        tracked: &'a Tracked<'a>,
        view: &'a ViewKey,
        client: &'a Client,
        seen: Arc<CachedScope>,
    ) -> Self {
        Self { tracked, mesh: tracked.mesh(), view, client, seen }
    }

    /// A service that this view may send to, by its host or by a name that stands for it.
    pub(crate) fn service(&self, host: &Host) -> Option<&Arc<Service>> {
        let services = &self.seen.services;
        let import = services.get(host).or_else(|| services.get(self.alias(host)?));
        import.map(|import| &import.service)
    }

    /// The host that a name stands for.
    pub(crate) fn alias(&self, host: &Host) -> Option<&Host> {
        self.seen.aliases.get(host)
    }

    /// The DestinationRule for a service.
    pub(crate) fn rule(&self, service: &Service) -> Option<&'a Arc<DestinationRule>> {
        rule(self.tracked, self.client, service, RuleDirection::Outbound)
    }
}

/// The DestinationRule for a service: of the client's namespace, else of the service's, else of the root's.
///
/// Gateways often run in the root namespace. Its rules are meant for the whole mesh there, and must not hide the
/// service's own (istiod's contract, section 3). So only those come first that no other namespace sees.
pub(crate) fn rule<'a>(
    tracked: &Tracked<'a>,
    client: &Client,
    service: &Service,
    direction: RuleDirection,
) -> Option<&'a Arc<DestinationRule>> {
    let root = &tracked.mesh().root_namespace;
    let mut order = vec![(&client.namespace, client.namespace == *root)];
    for namespace in [service.namespace(), root] {
        if !order.contains(&(namespace, false)) {
            order.push((namespace, false));
        }
    }
    order.into_iter().find_map(|(namespace, is_private)| {
        tracked.destination_rule((namespace, &service.host, RuleUse { direction, is_private }), client)
    })
}

impl CachedScope {
    fn new(tracked: &Tracked<'_>, view: &ViewKey, client: &Client) -> Self {
        let sidecar = match view.kind {
            ProxyKind::Sidecar => tracked.sidecar(&view.namespace, &view.labels).cloned(),
            ProxyKind::Gateway => None,
        };
        let (all, standing): (Vec<_>, Vec<_>) = tracked.services(&view.namespace).partition(|one| alias(one).is_none());
        let aliases = aliases(&standing);
        let visible = best_of_each_host(&all, &view.namespace);
        let declared = sidecar.as_ref().map(|s| s.egress.as_slice()).unwrap_or_default();
        let mesh = OutboundPolicy { mode: tracked.mesh().outbound, egress_proxy: None };
        let outbound = sidecar.as_ref().and_then(|s| s.outbound.clone()).unwrap_or(mesh);
        let listeners = match (view.kind, declared) {
            // Gateways ask for the VirtualServices of each server.
            (ProxyKind::Gateway, _) => vec![everything(&visible, Vec::new())],
            (ProxyKind::Sidecar, []) => vec![everything(&visible, tracked.virtual_services(client).cloned().collect())],
            (ProxyKind::Sidecar, declared) => {
                let reaches: Vec<_> = tracked.virtual_services(client).collect();
                let imported = |egress| imported(view, &all, &reaches, &visible, egress);
                one_service_of_each_host(declared.iter().map(imported).collect())
            }
        };
        let fronts = view.front_hosts();
        let passes_tls_on = view.kind == ProxyKind::Gateway && tracked.passes_tls_on(&view.labels, &fronts);
        let mut services = BTreeMap::new();
        import_listed(&listeners, &mut services);
        import_destinations(&listeners, &visible, &aliases, &mut services);
        Self { sidecar, outbound, listeners, services, aliases, passes_tls_on }
    }
}

impl EgressScope {
    /// The port that its services must have, where it has one and is no forward proxy.
    pub(crate) fn port_match(&self) -> Option<u16> {
        let port = self.egress.as_ref()?.port.as_ref()?;
        (port.number > 0 && port.protocol != Protocol::HttpProxy).then_some(port.number)
    }
}

fn import_listed(listeners: &[EgressScope], services: &mut BTreeMap<Host, Import>) {
    for listener in listeners {
        let port = listener.port_match();
        for service in &listener.services {
            import(services, service, port);
        }
    }
}

/// Destinations of imported routes are imported with them, though no listener of their own opens.
fn import_destinations(
    listeners: &[EgressScope],
    visible: &BTreeMap<Host, Arc<Service>>,
    aliases: &BTreeMap<Host, Host>,
    services: &mut BTreeMap<Host, Import>,
) {
    for destination in listeners.iter().flat_map(|one| &one.virtual_services).flat_map(|reach| reach.destinations()) {
        let host = &destination.host;
        if let Some(service) = visible.get(host).or_else(|| visible.get(aliases.get(host)?)) {
            let imported_whole = services.get(&service.host).is_some_and(|i| i.ports.is_none());
            if !imported_whole {
                import(services, service, destination.port);
            }
        }
    }
}

/// The host that a service stands for.
fn alias(service: &Service) -> Option<&Host> {
    match &service.resolution {
        Resolution::Alias(host) => Some(host),
        _ => None,
    }
}

/// Names that stand for another, with the name at the end of the chain. A chain without an end leads nowhere.
fn aliases(standing: &[&Arc<Service>]) -> BTreeMap<Host, Host> {
    let next: BTreeMap<&Host, &Host> = standing.iter().filter_map(|one| Some((&one.host, alias(one)?))).collect();
    let end = |host: &Host| {
        let mut chain = std::iter::successors(next.get(host), |host| next.get(*host)).take(next.len());
        chain.find(|host| !next.contains_key(*host)).map(|end| (*end).clone())
    };
    next.keys().filter_map(|host| Some(((*host).clone(), end(host)?))).collect()
}

fn import(services: &mut BTreeMap<Host, Import>, service: &Arc<Service>, port: Option<u16>) {
    let slot = services
        .entry(service.host.clone())
        .or_insert_with(|| Import { service: service.clone(), ports: Some(BTreeSet::new()) });
    match (port, &mut slot.ports) {
        (None, ports) => *ports = None,
        (Some(port), Some(ports)) => {
            ports.insert(port);
        }
        (Some(_), None) => {}
    }
}

/// One service a host: of the own namespace first, then Kubernetes before others, then the oldest.
fn best_of_each_host(services: &[&Arc<Service>], namespace: &Text) -> BTreeMap<Host, Arc<Service>> {
    let mut best: BTreeMap<Host, Arc<Service>> = BTreeMap::new();
    let rank = |s: &Service| (s.namespace() != namespace, s.registry != ServiceRegistry::Kubernetes, s.origin.clone());
    for service in services {
        match best.get(&service.host) {
            Some(known) if rank(known) <= rank(service) => {}
            _ => {
                best.insert(service.host.clone(), (*service).clone());
            }
        }
    }
    best
}

/// Clusters are named by host, so a host is one service, whichever egress listener imports it: that of the first.
fn one_service_of_each_host(mut listeners: Vec<EgressScope>) -> Vec<EgressScope> {
    let mut first: BTreeMap<Host, Arc<Service>> = BTreeMap::new();
    for listener in &mut listeners {
        let is_first = |service: &Arc<Service>| {
            Arc::ptr_eq(first.entry(service.host.clone()).or_insert_with(|| service.clone()), service)
        };
        listener.services.retain(is_first);
    }
    listeners
}

fn by_age(mut services: Vec<Arc<Service>>) -> Vec<Arc<Service>> {
    services.sort_by(|a, b| a.origin.cmp(&b.origin).then_with(|| a.host.cmp(&b.host)));
    services
}

fn everything(visible: &BTreeMap<Host, Arc<Service>>, virtual_services: Vec<Arc<Reach>>) -> EgressScope {
    EgressScope { egress: None, services: by_age(visible.values().cloned().collect()), virtual_services }
}

fn imported(
    view: &ViewKey,
    services: &[&Arc<Service>],
    reaches: &[&Arc<Reach>],
    visible: &BTreeMap<Host, Arc<Service>>,
    egress: &Egress,
) -> EgressScope {
    let mut listener = EgressScope { egress: Some(egress.clone()), services: Vec::new(), virtual_services: Vec::new() };
    let (port, own) = (listener.port_match(), &view.namespace);
    let has_port = |s: &Service| port.is_none_or(|number| s.port(number).is_some());
    let mut chosen: BTreeMap<Host, Arc<Service>> = BTreeMap::new();
    for service in services {
        if has_port(service) && egress.hosts.iter().any(|h| imports_service(h, own, service)) {
            let best =
                visible.get(&service.host).filter(|best| egress.hosts.iter().any(|h| imports_service(h, own, best)));
            chosen.entry(service.host.clone()).or_insert_with(|| best.unwrap_or(service).clone());
        }
    }
    listener.services = by_age(chosen.into_values().collect());
    let imported = |reach: &&&Arc<Reach>| egress.hosts.iter().any(|h| imports_virtual_service(h, own, reach));
    listener.virtual_services = reaches.iter().filter(imported).map(|reach| (*reach).clone()).collect();
    listener
}

fn in_namespace(host: &EgressHost, own: &Text, namespace: &Text) -> bool {
    match &host.namespace {
        EgressNamespace::Any => true,
        EgressNamespace::None => false,
        EgressNamespace::Own => own == namespace,
        EgressNamespace::Named(name) => name == namespace,
    }
}

fn imports_service(host: &EgressHost, own: &Text, service: &Service) -> bool {
    in_namespace(host, own, service.namespace()) && host.host.covers(&service.host)
}

fn imports_virtual_service(host: &EgressHost, own: &Text, virtual_service: &Reach) -> bool {
    in_namespace(host, own, virtual_service.origin.namespace())
        && virtual_service.hosts.iter().any(|h| host.host.overlaps(h))
}
