//! The plan of outbound listeners: which addresses are listened on, and what each takes. No messages yet.

use std::collections::{BTreeMap, btree_map::Entry};

use ipnet::IpNet;

use heddle_model::{
    Text,
    issue::Issue,
    protocol::Protocol,
    proxy::Interception,
    route::{GatewayRef, L4Match, Reach},
    service::{Service, ServicePort, ServiceRegistry},
    sidecar::{CaptureMode, Egress, EgressPort},
};

use super::{
    destination::{L4Rule, forwarding, whole},
    loopback, outbound,
    tcp::Forwarding,
    wildcard,
};
use crate::{
    route::RouteConfigKey,
    scope::{EgressScope, Scope},
};

/// An outbound listener to be made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    /// Which egress listener of the scope it belongs to.
    pub(crate) egress: usize,
    /// Address, or `unix://` and a path.
    pub(crate) bind: Text,
    /// Port.
    pub(crate) port: u16,
    /// Bound for real; else only reached by redirection.
    pub(crate) bound: bool,
    /// Routes of its HTTP chain.
    pub(crate) http: Option<RouteConfigKey>,
    /// It is a forward proxy.
    pub(crate) forward_proxy: bool,
    /// Some of its requests are gRPC-Web.
    pub(crate) grpc_web: bool,
    /// Chains for other bytes, in order.
    pub(crate) tcp: Vec<TcpChain>,
    /// Which of these takes what.
    taken: BTreeMap<(Vec<IpNet>, Vec<String>), usize>,
}

/// A chain of a planned listener.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TcpChain {
    /// Networks of the original destination.
    pub(crate) networks: Vec<IpNet>,
    /// SNI, one of these.
    pub(crate) server_names: Vec<String>,
    /// Where it goes.
    pub(crate) to: Forwarding,
}

/// Listeners by address and port.
pub(crate) type Plan = BTreeMap<(Text, u16), Planned>;

/// Where a service's port is listened on.
struct BindAddress {
    bind: Text,
    networks: Vec<IpNet>,
    /// The address is the service's own, so nothing else needs telling apart.
    own_address: bool,
}

/// Plans a view's outbound listeners.
pub(crate) fn plan(scope: &Scope<'_>, issues: &mut Vec<Issue>) -> Plan {
    let mut plan = Plan::new();
    let uncaptured = scope.view.interception == Interception::None;
    for (index, listener) in scope.seen.listeners.iter().enumerate() {
        let capture = listener.egress.as_ref().map_or(CaptureMode::Default, |e| e.capture);
        let bound = capture == CaptureMode::None || (capture == CaptureMode::Default && uncaptured);
        let planner = Planner { scope, listener, index, bound };
        match listener.egress.as_ref().and_then(|egress| Some((egress, egress.port.as_ref()?))) {
            Some((egress, port)) => planner.declared(egress, port, &mut plan, issues),
            None => planner.everything(&mut plan, issues),
        }
    }
    plan
}

/// The route configurations that the listeners of a plan name, each with its egress listener.
pub(crate) fn named(scope: &Scope<'_>, plan: &Plan) -> Vec<(RouteConfigKey, usize)> {
    let mut named: BTreeMap<RouteConfigKey, usize> = BTreeMap::new();
    for planned in plan.values() {
        if let Some(key) = &planned.http {
            let egress = named.entry(key.clone()).or_insert(planned.egress);
            *egress = planned.egress.min(*egress);
        }
    }
    let mut named: Vec<_> = named.into_iter().collect();
    if scope.view.http_proxy_port > 0 {
        let first = scope.seen.listeners.iter().position(|listener| listener.port_match().is_none());
        named.push((RouteConfigKey::Proxy(outbound::HTTP_PROXY_ROUTES.into()), first.unwrap_or(0)));
    }
    named
}

struct Planner<'a, 'b> {
    scope: &'a Scope<'b>,
    listener: &'a EgressScope,
    index: usize,
    bound: bool,
}

impl Planner<'_, '_> {
    /// One listener on a declared port.
    fn declared(&self, egress: &Egress, port: &EgressPort, plan: &mut Plan, issues: &mut Vec<Issue>) {
        let view = self.scope.view;
        let bind = match (&*egress.bind, self.bound) {
            ("", true) => loopback(view.ipv4, view.ipv6),
            ("", false) => wildcard(view.ipv4, view.ipv6),
            (bind, _) => bind.into(),
        };
        let socket = bind.starts_with("unix://");
        let slot = self.slot(plan, bind.clone(), port.number, self.bound || socket);
        slot.grpc_web |= port.protocol == Protocol::GrpcWeb;
        if port.protocol == Protocol::HttpProxy || (socket && port.protocol.is_http()) {
            let name = bind.strip_prefix("unix://").map_or_else(|| port.number.to_string(), ToOwned::to_owned);
            slot.http = Some(RouteConfigKey::Proxy(name));
            slot.forward_proxy = port.protocol == Protocol::HttpProxy;
            return;
        }
        if port.protocol.is_http() || port.protocol.is_sniffed() {
            slot.http = Some(RouteConfigKey::Port(port.number));
        }
        if !port.protocol.is_http() {
            let bind_address = BindAddress { bind, networks: Vec::new(), own_address: false };
            for service in &self.listener.services {
                let known = service.port(port.number).or(match service.ports.as_slice() {
                    [only] => Some(only),
                    _ => None,
                });
                for chain in
                    known.map(|p| self.chains(service, p, port.protocol, &bind_address, issues)).unwrap_or_default()
                {
                    add(slot, chain);
                }
            }
        }
    }

    /// A listener for each port of each service.
    fn everything(&self, plan: &mut Plan, issues: &mut Vec<Issue>) {
        for service in &self.listener.services {
            for port in service.ports.iter().filter(|p| p.protocol != Protocol::Udp) {
                for bind_address in self.bind_addresses(service, port) {
                    self.listen(service, port, &bind_address, plan, issues);
                }
            }
        }
    }

    fn listen(
        &self,
        service: &Service,
        port: &ServicePort,
        bind_address: &BindAddress,
        plan: &mut Plan,
        issues: &mut Vec<Issue>,
    ) {
        let taken = plan.get(&(bind_address.bind.clone(), port.number)).is_some_and(|p| p.egress != self.index);
        if taken {
            return;
        }
        let slot = self.slot(plan, bind_address.bind.clone(), port.number, self.bound);
        slot.grpc_web |= port.protocol == Protocol::GrpcWeb;
        if port.protocol.is_http() || port.protocol.is_sniffed() {
            let own = bind_address.own_address && port.protocol.is_sniffed();
            let key = if own {
                RouteConfigKey::Service(service.host.clone(), port.number)
            } else {
                RouteConfigKey::Port(port.number)
            };
            slot.http.get_or_insert(key);
        }
        if port.protocol.is_http() {
            return;
        }
        for chain in self.chains(service, port, port.protocol, bind_address, issues) {
            if !add(slot, chain) {
                let message = format!(
                    "port {} of {} has no address of its own, and an older service has the port; TCP goes to that one",
                    port.number, service.host
                );
                issues.push(Issue::warning(&service.origin.object, "spec.ports", "PortConflict", message));
            }
        }
    }

    fn slot<'p>(&self, plan: &'p mut Plan, bind: Text, port: u16, bound: bool) -> &'p mut Planned {
        plan.entry((bind.clone(), port)).or_insert_with(|| Planned {
            egress: self.index,
            bind,
            port,
            bound,
            http: None,
            forward_proxy: false,
            grpc_web: false,
            tcp: Vec::new(),
            taken: BTreeMap::new(),
        })
    }

    /// Where a port is listened on. HTTP is told apart by host, so it shares the wildcard; others want an address.
    fn bind_addresses(&self, service: &Service, port: &ServicePort) -> Vec<BindAddress> {
        let view = self.scope.view;
        let bind = self.listener.egress.as_ref().map(|e| e.bind.clone()).filter(|b| !b.is_empty());
        let shared = bind.unwrap_or_else(|| {
            if self.bound { loopback(view.ipv4, view.ipv6) } else { wildcard(view.ipv4, view.ipv6) }
        });
        let anywhere = || vec![BindAddress { bind: shared.clone(), networks: Vec::new(), own_address: false }];
        if port.protocol.is_http() || self.bound {
            return anywhere();
        }
        if service.headless && service.registry == ServiceRegistry::Kubernetes {
            return self.pods(service, port);
        }
        let mut bind_addresses = Vec::new();
        for network in service.addresses.iter().filter(|n| usable(view, n)) {
            let host = network.prefix_len() == network.max_prefix_len();
            bind_addresses.push(if host {
                BindAddress { bind: network.addr().to_string().into(), networks: Vec::new(), own_address: true }
            } else {
                BindAddress { bind: shared.clone(), networks: vec![*network], own_address: false }
            });
        }
        if bind_addresses.is_empty() && view.dns_capture {
            let own = service.auto_addresses.iter().filter(|ip| if ip.is_ipv4() { view.ipv4 } else { view.ipv6 });
            bind_addresses.extend(own.map(|ip| BindAddress {
                bind: ip.to_string().into(),
                networks: Vec::new(),
                own_address: true,
            }));
        }
        if bind_addresses.is_empty() { anywhere() } else { bind_addresses }
    }

    /// A headless service's pods: each is called by its own address.
    fn pods(&self, service: &Service, port: &ServicePort) -> Vec<BindAddress> {
        let endpoints = self.scope.tracked.endpoints(&service.key());
        let of_port = endpoints.into_iter().flat_map(|e| e.iter()).filter(|e| e.service_port == port.name);
        let mut addresses: Vec<_> = of_port.filter_map(|e| e.address.ip()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let own =
            |ip: std::net::IpAddr| BindAddress { bind: ip.to_string().into(), networks: Vec::new(), own_address: true };
        addresses.into_iter().map(own).collect()
    }

    /// The chains of a TCP or TLS port: what VirtualServices say, else the service itself.
    fn chains(
        &self,
        service: &Service,
        port: &ServicePort,
        protocol: Protocol,
        bind_address: &BindAddress,
        issues: &mut Vec<Issue>,
    ) -> Vec<TcpChain> {
        let virtual_services =
            || self.listener.virtual_services.iter().filter(|t| t.hosts.iter().any(|h| h.covers(&service.host)));
        let mut chains = Vec::new();
        if protocol.is_tls() {
            for rule in virtual_services()
                .flat_map(|virtual_service| virtual_service.tls.iter().map(move |rule| (virtual_service, rule)))
            {
                let (virtual_service, rule) = rule;
                for condition in rule.matches.iter().filter(|m| self.applies(virtual_service, &m.l4, port.number)) {
                    chains.push(TcpChain {
                        networks: networks(&condition.l4, bind_address),
                        server_names: condition.sni_hosts.iter().map(ToString::to_string).collect(),
                        to: forwarding(self.scope, &L4Rule::tls(virtual_service, rule), port.number, issues),
                    });
                }
            }
        }
        if chains.is_empty() {
            let is_whole = self.tcp_routes(virtual_services(), port, bind_address, &mut chains, issues);
            if !is_whole {
                chains.extend(self.default_chain(service, port, protocol, bind_address));
            }
        }
        chains
    }

    /// Adds the chains of TCP rules; true when one takes everything.
    fn tcp_routes<'t>(
        &self,
        virtual_services: impl Iterator<Item = &'t std::sync::Arc<Reach>>,
        port: &ServicePort,
        bind_address: &BindAddress,
        chains: &mut Vec<TcpChain>,
        issues: &mut Vec<Issue>,
    ) -> bool {
        for (virtual_service, rule) in virtual_services
            .flat_map(|virtual_service| virtual_service.tcp.iter().map(move |rule| (virtual_service, rule)))
        {
            let mut add = |networks: Vec<IpNet>| {
                let to = forwarding(self.scope, &L4Rule::tcp(virtual_service, rule), port.number, issues);
                chains.push(TcpChain { networks, server_names: Vec::new(), to });
            };
            let applying: Vec<_> =
                rule.matches.iter().filter(|m| self.applies(virtual_service, m, port.number)).collect();
            if rule.matches.is_empty() || applying.iter().any(|m| m.destination_subnets.is_empty()) {
                add(bind_address.networks.clone());
                return true;
            }
            let subnets: Vec<IpNet> = applying.iter().flat_map(|m| m.destination_subnets.clone()).collect();
            if !subnets.is_empty() {
                add(subnets);
            }
        }
        false
    }

    fn applies(&self, virtual_service: &Reach, condition: &L4Match, port: u16) -> bool {
        let gateways = if condition.gateways.is_empty() { &virtual_service.gateways } else { &condition.gateways };
        let view = self.scope.view;
        gateways.contains(&GatewayRef::Mesh)
            && condition.port.is_none_or(|p| p == port)
            && condition.source_labels.select(&view.labels)
            && (condition.source_namespace.is_empty() || condition.source_namespace == view.namespace)
    }

    /// To the service itself; none where Envoy finds it by no server name, which ingest has reported.
    fn default_chain(
        &self,
        service: &Service,
        port: &ServicePort,
        protocol: Protocol,
        bind_address: &BindAddress,
    ) -> Option<TcpChain> {
        let by_name = protocol.is_tls() && !bind_address.own_address;
        if by_name && service.host.is_partial_wildcard() {
            return None;
        }
        let server_names =
            if by_name && service.host.as_str() != "*" { vec![service.host.to_string()] } else { Vec::new() };
        let networks = bind_address.networks.clone();
        Some(TcpChain { networks, server_names, to: whole(self.scope, service, port.number) })
    }
}

/// Adds a chain unless an earlier one takes the same connections; false when it was left out.
fn add(slot: &mut Planned, chain: TcpChain) -> bool {
    let asks = (chain.networks.iter().map(IpNet::trunc).collect(), chain.server_names.clone());
    match slot.taken.entry(asks) {
        Entry::Occupied(known) => slot.tcp.get(*known.get()) == Some(&chain),
        Entry::Vacant(free) => {
            free.insert(slot.tcp.len());
            slot.tcp.push(chain);
            true
        }
    }
}

fn networks(condition: &L4Match, bind_address: &BindAddress) -> Vec<IpNet> {
    if condition.destination_subnets.is_empty() {
        bind_address.networks.clone()
    } else {
        condition.destination_subnets.clone()
    }
}

fn usable(view: &crate::view::ViewKey, network: &IpNet) -> bool {
    match network {
        IpNet::V4(_) => view.ipv4 || !view.ipv6,
        IpNet::V6(_) => view.ipv6,
    }
}
