//! Merging: several Gateways may open one port of one proxy. The oldest decides what the port speaks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    Text,
    gateway::{Gateway, Server, ServerHost},
    host::Host,
    issue::Issue,
    object::ObjectRef,
    protocol::Protocol,
    route::{GatewayRef, Reach},
    tls::{ServerTls, ServerTlsMode},
};

use crate::{
    listener::{occupied::Occupied, wildcard},
    scope::Scope,
};

/// The ports of a gateway proxy, by address and workload port.
pub(crate) type Ports = BTreeMap<(Text, u16), Vec<Bound>>;

/// A server on a port of the proxy.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// The Gateway.
    pub(crate) gateway: Arc<Gateway>,
    /// Which of its servers.
    pub(crate) index: usize,
    /// Port of the workload.
    pub(crate) target: u16,
    /// Its hosts, without those that an older server of the port has.
    pub(crate) hosts: Vec<ServerHost>,
    /// The address as the oldest server of the port has it; empty: all. It is a part of names of route configurations.
    pub(crate) bind: Text,
}

/// What a port speaks; servers of different kinds cannot share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortKind {
    /// HTTP in the clear.
    Http,
    /// TLS, ended here or passed through.
    Tls,
    /// Opaque bytes.
    Tcp,
}

impl Bound {
    /// The server.
    pub(crate) fn server(&self) -> &Server {
        &self.gateway.servers[self.index]
    }

    /// The name by which VirtualServices bind to it.
    pub(crate) fn reference(&self) -> GatewayRef {
        let (namespace, name) = self.gateway.bound.clone();
        GatewayRef::Gateway { namespace, name }
    }

    /// What its port speaks.
    pub(crate) fn kind(&self) -> PortKind {
        let server = self.server();
        match server.protocol {
            Protocol::Https | Protocol::Tls => PortKind::Tls,
            protocol if protocol.is_http() => PortKind::Http,
            _ if self.ends_tls() => PortKind::Tls,
            _ => PortKind::Tcp,
        }
    }

    /// Whether TLS ends here.
    pub(crate) fn ends_tls(&self) -> bool {
        let passes = |tls: &ServerTls| matches!(tls.mode, ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough);
        self.server().tls.as_ref().is_some_and(|tls| !passes(tls))
    }

    /// Whether requests on it are routed one by one.
    pub(crate) fn routes_http(&self) -> bool {
        let protocol = self.server().protocol;
        protocol.is_http() || (protocol == Protocol::Https && self.ends_tls())
    }

    /// Whether its requests may be gRPC-Web, for servers of gRPC.
    pub(crate) fn takes_grpc_web(&self) -> bool {
        self.server().protocol == Protocol::GrpcWeb
    }

    /// Name of its route configuration.
    pub(crate) fn route_name(&self) -> String {
        let server = self.server();
        let bind = if self.bind.is_empty() { String::new() } else { format!(".{}", self.bind) };
        if self.kind() == PortKind::Http {
            return format!("http.{}{bind}", self.target);
        }
        let (namespace, name) = &self.gateway.bound;
        format!("https.{}.{}.{name}.{namespace}{bind}", server.port, server.port_name)
    }

    /// The VirtualServices that bind to it, oldest first.
    pub(crate) fn virtual_services<'a>(&self, scope: &Scope<'a>) -> impl Iterator<Item = &'a Arc<Reach>> + use<'a> {
        let reference = self.reference();
        scope.tracked.virtual_services(scope.client).filter(move |reach| reach.gateways.contains(&reference))
    }

    /// The hosts that a VirtualService may serve here: each the more specific of the server's and the VirtualService's.
    pub(crate) fn hosts_for(&self, virtual_service: &Reach) -> Vec<Host> {
        let namespace = virtual_service.origin.namespace();
        let open = |host: &&ServerHost| host.namespace.as_ref().is_none_or(|wanted| wanted == namespace);
        let mut hosts = Vec::new();
        for wanted in &virtual_service.hosts {
            for server in self.hosts.iter().filter(open).map(|h| &h.host) {
                let common = if server.covers(wanted) { Some(wanted) } else { wanted.covers(server).then_some(server) };
                hosts.extend(common.filter(|host| !hosts.contains(*host)).cloned().into_iter().collect::<Vec<_>>());
            }
        }
        hosts
    }
}

/// The servers that a proxy runs, by port.
pub(crate) fn merge(scope: &Scope<'_>, issues: &mut Vec<Issue>) -> Ports {
    let mut merged = Merged { ports: Ports::new(), tls_hosts: BTreeMap::new() };
    let occupied = Occupied::of(scope.view, scope.mesh);
    for gateway in scope.tracked.gateways(&scope.view.labels, &scope.view.front_hosts()) {
        for (index, server) in gateway.servers.iter().enumerate() {
            for target in workload_ports(scope, gateway, server) {
                let (hosts, bind) = (server.hosts.clone(), server.bind.clone());
                let bound = Bound { gateway: gateway.clone(), index, target, hosts, bind };
                issues.extend(merged.add(scope, &occupied, bound));
            }
        }
    }
    merged.ports
}

/// What was merged until now.
struct Merged {
    ports: Ports,
    /// The Gateway that has a host of TLS on a port. The namespace of a host does not count: the SNI does not have it.
    tls_hosts: BTreeMap<(Text, u16), BTreeMap<Host, Arc<ObjectRef>>>,
}

impl Merged {
    /// Adds a server; what of it is left out is an issue.
    fn add(&mut self, scope: &Scope<'_>, occupied: &Occupied, mut bound: Bound) -> Option<Issue> {
        let view = scope.view;
        let bind = if bound.bind.is_empty() { wildcard(view.ipv4, view.ipv6) } else { bound.bind.clone() };
        // A Unix socket has no port.
        let port = if bind.starts_with("unix://") { 0 } else { bound.target };
        let key = (bind, port);
        if let Some((field, reason, message)) = self.refusal(scope, occupied, &key, &bound) {
            let field = format!("{}.{field}", bound.server().field);
            return Some(Issue::error(&bound.gateway.origin.object, field, reason, message));
        }
        let issue = if bound.kind() == PortKind::Tls { self.claim_hosts(&key, &mut bound) } else { None };
        if !bound.hosts.is_empty() {
            let servers = self.ports.entry(key).or_default();
            if let Some(first) = servers.first() {
                bound.bind = first.bind.clone();
            }
            servers.push(bound);
        }
        issue
    }

    /// Why a server is left out, by field and reason.
    fn refusal(
        &self,
        scope: &Scope<'_>,
        occupied: &Occupied,
        key: &(Text, u16),
        bound: &Bound,
    ) -> Option<(&'static str, &'static str, String)> {
        let port = bound.server().port;
        let is_socket = key.1 == 0;
        if scope.view.unprivileged && bound.target < 1024 && !is_socket {
            let message = format!("the gateway may not bind port {}; this server is left out", bound.target);
            return Some(("port.number", "PrivilegedPort", message));
        }
        if let Some(holder) = occupied.holder(&key.0, bound.target, true) {
            let message = format!("port {} of the gateway belongs to {holder}; this server is left out", bound.target);
            return Some(("port.number", "AddressConflict", message));
        }
        let other = self.ports.get(key)?.first()?;
        let object = &other.gateway.origin.object;
        if other.kind() != bound.kind() {
            let message = format!("port {port} already speaks otherwise, for {object}; this server is left out");
            return Some(("port.protocol", "PortConflict", message));
        }
        (bound.kind() == PortKind::Tcp).then(|| {
            ("port.number", "PortConflict", format!("TCP port {port} belongs to {object}; this server is left out"))
        })
    }

    /// Takes away the hosts that an older server of the port has: TLS is told apart by the host alone.
    fn claim_hosts(&mut self, key: &(Text, u16), bound: &mut Bound) -> Option<Issue> {
        let taken = self.tls_hosts.entry(key.clone()).or_default();
        let (had, free): (Vec<_>, Vec<_>) =
            std::mem::take(&mut bound.hosts).into_iter().partition(|host| taken.contains_key(&host.host));
        let object = bound.gateway.origin.object.clone();
        taken.extend(free.iter().map(|host| (host.host.clone(), object.clone())));
        let rest = if free.is_empty() { "this server is left out" } else { "this server keeps its other hosts" };
        bound.hosts = free;
        let first = had.first().and_then(|host| Some((&host.host, taken.get(&host.host)?)))?;
        let message = format!(
            "host {} of port {} belongs to an older server of {}; {rest}",
            first.0,
            bound.server().port,
            first.1
        );
        Some(Issue::error(&object, format!("{}.hosts", bound.server().field), "HostConflict", message))
    }
}

/// The workload's ports behind a server's port: by the services in front of the gateway, else the number itself.
fn workload_ports(scope: &Scope<'_>, gateway: &Gateway, server: &Server) -> BTreeSet<u16> {
    let named = |host: &Host| gateway.services.is_empty() || gateway.services.contains(host);
    let mut workload_ports = BTreeSet::new();
    for front in scope.view.fronts.iter().filter(|front| named(&front.host)) {
        for (service_port, target) in &front.ports {
            let asked = if front.translation_off { *target } else { *service_port };
            if asked == server.port {
                workload_ports.insert(*target);
            }
        }
    }
    if workload_ports.is_empty() && gateway.services.is_empty() {
        workload_ports.insert(server.port);
    }
    workload_ports
}
