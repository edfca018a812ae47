//! Scopes: which services, routes and rules a proxy sees, after Sidecars and `exportTo`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    Text,
    destination_rule::DestinationRule,
    host::Host,
    labels::Labels,
    mesh::OutboundMode,
    protocol::Protocol,
    proxy::ProxyKind,
    route::{Destination, GatewayRef, HttpAction, VirtualService},
    service::{Resolution, Service, ServiceRegistry},
    sidecar::{Egress, EgressHost, EgressNamespace, OutboundPolicy, Sidecar},
    snapshot::Snapshot,
};

use crate::view::{self, ViewKey};

/// What one view sees.
#[derive(Debug)]
pub struct Scope<'a> {
    /// The revision.
    pub snapshot: &'a Snapshot,
    /// The view.
    pub view: &'a ViewKey,
    /// The Sidecar that binds it.
    pub sidecar: Option<Arc<Sidecar>>,
    /// What happens to unknown destinations.
    pub outbound: OutboundPolicy,
    /// Outbound listeners in order; without a Sidecar one that takes everything.
    pub listeners: Arc<Vec<EgressScope>>,
    /// Every service that some route or listener may need, by host.
    pub services: Arc<BTreeMap<Host, Import>>,
}

/// What a view sees, kept for small changes that leave it as it is.
#[derive(Debug)]
pub struct CachedScope {
    sidecar: Option<Arc<Sidecar>>,
    outbound: OutboundPolicy,
    listeners: Arc<Vec<EgressScope>>,
    services: Arc<BTreeMap<Host, Import>>,
    /// Those that stand for another, by its host.
    aliases: BTreeMap<Host, Vec<Host>>,
    /// Whether some VirtualService has rules for bytes, TCP or TLS.
    by_bytes: bool,
}

/// What one outbound listener sees.
#[derive(Clone, Debug)]
pub struct EgressScope {
    /// Its declaration; none: the default one.
    pub egress: Option<Egress>,
    /// Services, oldest first, one a host.
    pub services: Vec<Arc<Service>>,
    /// VirtualServices, oldest first.
    pub virtual_services: Vec<Arc<VirtualService>>,
}

/// A service that is needed, and which of its ports.
#[derive(Clone, Debug)]
pub struct Import {
    /// The service.
    pub service: Arc<Service>,
    /// Ports; none: all.
    pub ports: Option<BTreeSet<u16>>,
}

impl<'a> Scope<'a> {
    /// Works out what a view sees.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, view: &'a ViewKey) -> Self {
        let sidecar = match view.kind {
            ProxyKind::Sidecar => view::sidecar(snapshot, &view.namespace, &view.labels).cloned(),
            ProxyKind::Gateway => None,
        };
        let visible = visible_services(snapshot, &view.namespace);
        let declared = sidecar.as_ref().map(|s| s.egress.as_slice()).unwrap_or_default();
        let mesh = OutboundPolicy { mode: snapshot.mesh.outbound, egress_proxy: None };
        let outbound = sidecar.as_ref().and_then(|s| s.outbound.clone()).unwrap_or(mesh);
        let mut scope = Self {
            snapshot,
            view,
            outbound,
            listeners: Arc::default(),
            services: Arc::default(),
            sidecar: sidecar.clone(),
        };
        scope.listeners = Arc::new(if declared.is_empty() {
            vec![everything(&scope, &visible)]
        } else {
            declared.iter().map(|egress| imported(&scope, &visible, egress)).collect()
        });
        let mut services = BTreeMap::new();
        scope.import_listed(&mut services);
        scope.import_destinations(&visible, &mut services);
        scope.services = Arc::new(services);
        scope
    }

    /// What the view saw before, in a snapshot that changes nothing of that.
    #[must_use]
    pub fn again(snapshot: &'a Snapshot, view: &'a ViewKey, cached_scope: &CachedScope) -> Self {
        Self {
            snapshot,
            view,
            sidecar: cached_scope.sidecar.clone(),
            outbound: cached_scope.outbound.clone(),
            listeners: cached_scope.listeners.clone(),
            services: cached_scope.services.clone(),
        }
    }

    /// What is seen, to be kept.
    #[must_use]
    pub fn into_cached(self) -> CachedScope {
        let Self { sidecar, outbound, listeners, services, .. } = self;
        let mut aliases: BTreeMap<Host, Vec<Host>> = BTreeMap::new();
        for (host, import) in services.iter() {
            if let Resolution::Alias(real) = &import.service.resolution {
                aliases.entry(real.clone()).or_default().push(host.clone());
            }
        }
        let mut virtual_services = listeners.iter().flat_map(|listener| &listener.virtual_services);
        let by_bytes =
            virtual_services.any(|virtual_service| !(virtual_service.tls.is_empty() && virtual_service.tcp.is_empty()));
        CachedScope { sidecar, outbound, listeners, services, aliases, by_bytes }
    }

    /// What a proxy's inbound side needs of a scope: no services, which only the outbound side sends to.
    #[must_use]
    pub fn inbound(snapshot: &'a Snapshot, view: &'a ViewKey) -> Self {
        let sidecar = match view.kind {
            ProxyKind::Sidecar => view::sidecar(snapshot, &view.namespace, &view.labels).cloned(),
            ProxyKind::Gateway => None,
        };
        let outbound = OutboundPolicy { mode: snapshot.mesh.outbound, egress_proxy: None };
        Self { snapshot, view, sidecar, outbound, listeners: Arc::default(), services: Arc::default() }
    }

    /// A service that this view may send to, by host.
    #[must_use]
    pub fn service(&self, host: &Host) -> Option<&Arc<Service>> {
        self.services.get(host).map(|import| &import.service)
    }

    /// The DestinationRule for a service: of the client's namespace, else of the service's, else of the root's.
    #[must_use]
    pub fn rule(&self, service: &Service) -> Option<&'a Arc<DestinationRule>> {
        let mut order = vec![&self.view.namespace];
        for namespace in [service.namespace(), &self.snapshot.mesh.root_namespace] {
            if !order.contains(&namespace) {
                order.push(namespace);
            }
        }
        order.into_iter().find_map(|namespace| self.rule_in(namespace, &service.host))
    }

    /// Whether unknown destinations are passed on.
    #[must_use]
    pub fn allows_any(&self) -> bool {
        self.outbound.mode != OutboundMode::RegistryOnly
    }

    fn rule_in(&self, namespace: &Text, host: &Host) -> Option<&'a Arc<DestinationRule>> {
        let rules = self.snapshot.destination_rules.get(namespace)?;
        let fits = |rule: &&Arc<DestinationRule>| {
            rule.host.covers(host) && (namespace == &self.view.namespace || rule.export_to.sees(&self.view.namespace))
        };
        let selected = rules
            .iter()
            .filter(fits)
            .find(|r| r.selector.as_ref().is_some_and(|s| !s.is_empty() && s.select(&self.view.labels)));
        selected.or_else(|| rules.iter().filter(fits).find(|r| r.selector.as_ref().is_none_or(Labels::is_empty)))
    }

    fn import_listed(&self, services: &mut BTreeMap<Host, Import>) {
        for listener in self.listeners.iter() {
            let port = listener.port_match();
            for service in &listener.services {
                import(services, service, port);
            }
        }
    }

    /// Destinations of imported routes are imported with them, though no listener of their own opens.
    fn import_destinations(&self, visible: &BTreeMap<Host, Arc<Service>>, services: &mut BTreeMap<Host, Import>) {
        for listener in self.listeners.iter() {
            for destination in
                listener.virtual_services.iter().flat_map(|virtual_service| destinations(virtual_service))
            {
                if let Some(service) = visible.get(&destination.host) {
                    let only = destination.port.filter(|_| !services.contains_key(&destination.host));
                    let imported_whole = services.get(&destination.host).is_some_and(|i| i.ports.is_none());
                    if !imported_whole {
                        import(services, service, only.or(destination.port));
                    }
                }
            }
        }
    }
}

impl CachedScope {
    /// Puts a VirtualService in the place of the one of the same object; that one, if the view sees it.
    pub(crate) fn replace(&mut self, fresh: &Arc<VirtualService>) -> Option<Arc<VirtualService>> {
        let mut old = None;
        for listener in Arc::make_mut(&mut self.listeners) {
            if let Ok(at) =
                listener.virtual_services.binary_search_by(|virtual_service| virtual_service.origin.cmp(&fresh.origin))
            {
                old = Some(std::mem::replace(&mut listener.virtual_services[at], fresh.clone()));
            }
        }
        old
    }

    /// Whether some VirtualService has rules for bytes, TCP or TLS.
    pub(crate) fn is_by_bytes(&self) -> bool {
        self.by_bytes
    }

    /// The services that a host, which may be a wildcard, covers: and those that stand for one of them.
    pub(crate) fn covered(&self, host: &Host) -> BTreeSet<Host> {
        let mut found: BTreeSet<Host> = if host.is_wildcard() {
            self.services.keys().filter(|one| host.covers(one)).cloned().collect()
        } else {
            self.services.get_key_value(host).map(|(host, _)| host.clone()).into_iter().collect()
        };
        let real = self.aliases.iter().filter(|(real, _)| host.covers(real) && self.services.contains_key(*real));
        found.extend(real.flat_map(|(_, aliases)| aliases.iter().cloned()));
        found
    }
}

impl EgressScope {
    /// The port that its services must have, where it has one and is no forward proxy.
    #[must_use]
    pub fn port_match(&self) -> Option<u16> {
        let port = self.egress.as_ref()?.port.as_ref()?;
        (port.number > 0 && port.protocol != Protocol::HttpProxy).then_some(port.number)
    }
}

/// Every destination that a VirtualService may forward to, mirrors too.
pub fn destinations(virtual_service: &VirtualService) -> impl Iterator<Item = &Destination> {
    let http = virtual_service.http.iter().flat_map(|route| {
        let forwards = match &route.action {
            HttpAction::Forward(to) => to.as_slice(),
            _ => &[],
        };
        forwards.iter().map(|d| &d.destination).chain(route.mirrors.iter().map(|m| &m.destination))
    });
    let tls = virtual_service.tls.iter().flat_map(|r| &r.destinations).map(|d| &d.destination);
    let tcp = virtual_service.tcp.iter().flat_map(|r| &r.destinations).map(|d| &d.destination);
    http.chain(tls).chain(tcp)
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
fn visible_services(snapshot: &Snapshot, namespace: &Text) -> BTreeMap<Host, Arc<Service>> {
    let mut best: BTreeMap<Host, Arc<Service>> = BTreeMap::new();
    let rank = |s: &Service| (s.namespace() != namespace, s.registry != ServiceRegistry::Kubernetes, s.origin.clone());
    for service in snapshot.services.iter().filter(|s| s.export_to.sees(namespace)) {
        match best.get(&service.host) {
            Some(known) if rank(known) <= rank(service) => {}
            _ => {
                best.insert(service.host.clone(), service.clone());
            }
        }
    }
    best
}

fn mesh_virtual_services<'a>(scope: &Scope<'a>) -> impl Iterator<Item = &'a Arc<VirtualService>> {
    let namespace = scope.view.namespace.clone();
    let bound = |virtual_service: &&Arc<VirtualService>| virtual_service.gateways.contains(&GatewayRef::Mesh);
    scope
        .snapshot
        .virtual_services
        .values()
        .filter(bound)
        .filter(move |virtual_service| virtual_service.export_to.sees(&namespace))
}

fn by_age(mut services: Vec<Arc<Service>>) -> Vec<Arc<Service>> {
    services.sort_by(|a, b| a.origin.cmp(&b.origin).then_with(|| a.host.cmp(&b.host)));
    services
}

fn everything(scope: &Scope<'_>, visible: &BTreeMap<Host, Arc<Service>>) -> EgressScope {
    EgressScope {
        egress: None,
        services: by_age(visible.values().cloned().collect()),
        virtual_services: mesh_virtual_services(scope).cloned().collect(),
    }
}

fn imported(scope: &Scope<'_>, visible: &BTreeMap<Host, Arc<Service>>, egress: &Egress) -> EgressScope {
    let mut listener = EgressScope { egress: Some(egress.clone()), services: Vec::new(), virtual_services: Vec::new() };
    let (port, own) = (listener.port_match(), &scope.view.namespace);
    let has_port = |s: &Service| port.is_none_or(|number| s.port(number).is_some());
    let mut chosen: BTreeMap<Host, Arc<Service>> = BTreeMap::new();
    for service in scope.snapshot.services.iter().filter(|s| s.export_to.sees(&scope.view.namespace)) {
        if has_port(service) && egress.hosts.iter().any(|h| imports_service(h, own, service)) {
            let best =
                visible.get(&service.host).filter(|best| egress.hosts.iter().any(|h| imports_service(h, own, best)));
            chosen.entry(service.host.clone()).or_insert_with(|| best.unwrap_or(service).clone());
        }
    }
    listener.services = by_age(chosen.into_values().collect());
    listener.virtual_services = mesh_virtual_services(scope)
        .filter(|t| egress.hosts.iter().any(|h| imports_virtual_service(h, own, t)))
        .cloned()
        .collect();
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

fn imports_virtual_service(host: &EgressHost, own: &Text, virtual_service: &VirtualService) -> bool {
    in_namespace(host, own, virtual_service.origin.namespace())
        && virtual_service.hosts.iter().any(|h| host.host.overlaps(h))
}
