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
    protocol::Protocol,
    route::{GatewayRef, Reach},
    tls::{ServerTls, ServerTlsMode},
};

use crate::scope::Scope;

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

    /// Name of its route configuration.
    pub(crate) fn route_name(&self) -> String {
        let server = self.server();
        let bind = if server.bind.is_empty() { String::new() } else { format!(".{}", server.bind) };
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
            for server in self.server().hosts.iter().filter(open).map(|h| &h.host) {
                let common = if server.covers(wanted) { Some(wanted) } else { wanted.covers(server).then_some(server) };
                hosts.extend(common.filter(|host| !hosts.contains(*host)).cloned().into_iter().collect::<Vec<_>>());
            }
        }
        hosts
    }
}

/// The servers that a proxy runs, by port.
pub(crate) fn merge(scope: &Scope<'_>, issues: &mut Vec<Issue>) -> Ports {
    let mut ports = Ports::new();
    let mut tls_hosts: BTreeSet<((Text, u16), ServerHost)> = BTreeSet::new();
    for gateway in scope.tracked.gateways(&scope.view.labels, &scope.view.front_hosts()) {
        for (index, server) in gateway.servers.iter().enumerate() {
            for target in workload_ports(scope, gateway, server) {
                let bound = Bound { gateway: gateway.clone(), index, target };
                if let Some(issue) = add(scope, &mut ports, &mut tls_hosts, bound) {
                    issues.push(issue);
                }
            }
        }
    }
    ports
}

/// Adds a server; else says why not.
fn add(
    scope: &Scope<'_>,
    ports: &mut Ports,
    tls_hosts: &mut BTreeSet<((Text, u16), ServerHost)>,
    bound: Bound,
) -> Option<Issue> {
    let server = bound.server();
    let object = &bound.gateway.origin.object;
    let issue = |field: &str, reason: &'static str, message: String| {
        Some(Issue::error(object, format!("{}.{field}", server.field), reason, message))
    };
    if scope.view.unprivileged && bound.target < 1024 {
        let message = format!("the gateway may not bind port {}; this server is left out", bound.target);
        return issue("port.number", "PrivilegedPort", message);
    }
    let key = (server.bind.clone(), bound.target);
    let others = ports.get(&key);
    if let Some(other) = others.and_then(|o| o.first()).filter(|other| other.kind() != bound.kind()) {
        let message = format!(
            "port {} already speaks otherwise, for {}; this server is left out",
            server.port, other.gateway.origin.object
        );
        return issue("port.protocol", "PortConflict", message);
    }
    if let Some(other) = others.and_then(|o| o.first()).filter(|_| bound.kind() == PortKind::Tcp) {
        let message =
            format!("TCP port {} belongs to {}; this server is left out", server.port, other.gateway.origin.object);
        return issue("port.number", "PortConflict", message);
    }
    if bound.kind() == PortKind::Tls {
        let taken = server.hosts.iter().find(|host| tls_hosts.contains(&(key.clone(), (*host).clone())));
        if let Some(host) = taken {
            let message = format!(
                "host {} of port {} belongs to an older server; this server is left out",
                host.host, server.port
            );
            return issue("hosts", "HostConflict", message);
        }
        tls_hosts.extend(server.hosts.iter().map(|host| (key.clone(), host.clone())));
    }
    ports.entry(key).or_default().push(bound);
    None
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
