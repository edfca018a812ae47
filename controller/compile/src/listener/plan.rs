//! The plan of outbound listeners: which addresses are listened on, and what each takes. No messages yet.

mod chains;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;

use heddle_model::{
    Text,
    issue::Issue,
    object::ObjectRef,
    protocol::Protocol,
    proxy::Interception,
    service::{Service, ServicePort, ServiceRegistry},
    sidecar::{CaptureMode, Egress, EgressPort},
};

use super::{
    chain::Asks,
    claims::{Claims, Lost},
    listener_name, loopback,
    occupied::Occupied,
    outbound,
    tcp::Forwarding,
    wildcard,
};
use crate::{
    route::RouteConfigKey,
    scope::{EgressScope, Scope},
};
use chains::Wanted;

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
    /// The objects that asked for it or for one of its chains.
    pub(crate) sources: BTreeSet<Arc<ObjectRef>>,
    /// What its chains take.
    claims: Claims,
}

/// A chain of a planned listener.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TcpChain {
    /// What it asks of a connection.
    pub(crate) asks: Asks,
    /// Where it goes.
    pub(crate) to: Forwarding,
    /// The host that the SNI names is resolved and called at this port.
    pub(crate) sni_port: Option<u16>,
}

/// Listeners by address and port.
pub(crate) type Plan = BTreeMap<(Text, u16), Planned>;

/// Where a service's port is listened on.
struct BindAddress {
    bind: Text,
    port: u16,
    networks: Vec<IpNet>,
    /// The address is the service's own, so nothing else needs telling apart.
    own_address: bool,
}

/// Plans a view's outbound listeners.
pub(crate) fn plan(scope: &Scope<'_>, issues: &mut Vec<Issue>) -> Plan {
    let mut plan = Plan::new();
    let occupied = Occupied::of(scope.view, scope.mesh);
    let uncaptured = scope.view.interception == Interception::None;
    for (index, listener) in scope.seen.listeners.iter().enumerate() {
        let capture = listener.egress.as_ref().map_or(CaptureMode::Default, |e| e.capture);
        let bound = capture == CaptureMode::None || (capture == CaptureMode::Default && uncaptured);
        let planner = Planner { scope, occupied: &occupied, listener, index, bound };
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
    occupied: &'a Occupied,
    listener: &'a EgressScope,
    index: usize,
    bound: bool,
}

impl Planner<'_, '_> {
    /// The listeners of a declared port. HTTP, and whatever has an address to bind, has one. Other bytes are told apart
    /// by the addresses of the services.
    fn declared(&self, egress: &Egress, port: &EgressPort, plan: &mut Plan, issues: &mut Vec<Issue>) {
        let view = self.scope.view;
        let is_one = port.protocol.is_http() || self.bound || !egress.bind.is_empty();
        let bind = match (&*egress.bind, self.bound) {
            ("", true) => loopback(view.ipv4, view.ipv6),
            ("", false) => wildcard(view.ipv4, view.ipv6),
            (bind, _) => bind.into(),
        };
        if is_one && !self.open(egress, port, &bind, plan, issues) {
            return;
        }
        if port.protocol.is_http() {
            return;
        }
        for service in &self.listener.services {
            let known = service.port(port.number).or(match service.ports.as_slice() {
                [only] => Some(only),
                _ => None,
            });
            let Some(known) = known else { continue };
            let spoken = ServicePort { protocol: port.protocol, ..known.clone() };
            let bind_addresses = if is_one {
                vec![BindAddress { bind: bind.clone(), port: port.number, networks: Vec::new(), own_address: false }]
            } else {
                self.bind_addresses(service, &spoken)
            };
            for bind_address in bind_addresses {
                self.listen(service, &spoken, &bind_address, plan, issues);
            }
        }
    }

    /// Opens the one listener of a declared port; false if its address is taken.
    fn open(&self, egress: &Egress, port: &EgressPort, bind: &Text, plan: &mut Plan, issues: &mut Vec<Issue>) -> bool {
        let is_socket = bind.starts_with("unix://");
        let bound = self.bound || is_socket;
        let sidecar = self.scope.seen.sidecar.as_ref().map(|sidecar| &sidecar.origin.object);
        let holder = self.occupied.holder(bind, port.number, bound).map(ToString::to_string);
        let of_other = || plan.get(&(bind.clone(), port.number)).filter(|planned| planned.egress != self.index);
        let holder = holder.or_else(|| of_other().map(|other| format!("spec.egress[{}]", other.egress)));
        if let Some(holder) = holder {
            let name = listener_name(bind, port.number);
            let message = format!("the address {name} belongs to {holder}; this listener is left out");
            let field = format!("{}.port.number", egress.field);
            issues.extend(sidecar.map(|object| Issue::error(object, field, "AddressConflict", message)));
            return false;
        }
        let named = self.named_elsewhere(port, plan);
        let slot = self.slot(plan, bind.clone(), port.number, bound);
        slot.sources.extend(sidecar.cloned());
        slot.forward_proxy = port.protocol == Protocol::HttpProxy;
        slot.grpc_web |= port.protocol == Protocol::GrpcWeb;
        let may_be_http = port.protocol.is_http() || port.protocol.is_sniffed();
        slot.http = match () {
            () if is_socket && may_be_http => Some(RouteConfigKey::Proxy(bind.to_string())),
            () if slot.forward_proxy && named => Some(RouteConfigKey::Proxy(listener_name(bind, port.number))),
            () if slot.forward_proxy => Some(RouteConfigKey::Proxy(port.number.to_string())),
            () if may_be_http && named => Some(RouteConfigKey::PortAt(port.number, listener_name(bind, port.number))),
            () => may_be_http.then_some(RouteConfigKey::Port(port.number)),
        };
        true
    }

    /// Whether another egress listener has the route configuration that is named by the number of this port.
    fn named_elsewhere(&self, port: &EgressPort, plan: &Plan) -> bool {
        let name = port.number.to_string();
        let is_proxy = port.protocol == Protocol::HttpProxy;
        let has_name = |planned: &Planned| planned.http.as_ref().is_some_and(|key| key.name() == name);
        // A later egress listener without a port opens a listener for each port of its services.
        let later =
            self.scope.seen.listeners.iter().skip(self.index + 1).filter(|egress| egress.port_match().is_none());
        let mut services = later.flat_map(|egress| &egress.services);
        let has_port = |service: &Arc<Service>| service.port(port.number).is_some_and(|port| !port.protocol.is_tcp());
        plan.values().any(|planned| planned.egress != self.index && has_name(planned))
            || (is_proxy && services.any(has_port))
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
        let BindAddress { bind, port: number, .. } = bind_address;
        if plan.get(&(bind.clone(), *number)).is_some_and(|p| p.egress != self.index) {
            return;
        }
        if let Some(holder) = self.occupied.holder(bind, *number, self.bound) {
            let message = format!(
                "port {} of {} would be listened on at {}, which belongs to {holder}; the port gets no listener",
                port.number,
                service.host,
                listener_name(bind, *number)
            );
            issues.push(Issue::error(&service.origin.object, "spec.ports", "AddressConflict", message));
            return;
        }
        let slot = self.slot(plan, bind.clone(), *number, self.bound);
        slot.grpc_web |= port.protocol == Protocol::GrpcWeb;
        if slot.http.is_none() && slot.tcp.is_empty() {
            slot.sources.insert(service.origin.object.clone());
        }
        if port.protocol.is_http() || port.protocol.is_sniffed() {
            let own = bind_address.own_address && port.protocol.is_sniffed();
            let key = if own {
                RouteConfigKey::Service(service.host.clone(), port.number)
            } else {
                RouteConfigKey::Port(port.number)
            };
            slot.http.get_or_insert(key);
        }
        if !port.protocol.is_http() {
            for wanted in self.chains(service, port, bind_address, issues) {
                add(slot, wanted, (service, port), issues);
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
            sources: BTreeSet::new(),
            claims: Claims::default(),
        })
    }

    /// Where a port is listened on. HTTP is told apart by host, so it shares the wildcard; others want an address.
    fn bind_addresses(&self, service: &Service, port: &ServicePort) -> Vec<BindAddress> {
        let view = self.scope.view;
        let bind = self.listener.egress.as_ref().map(|e| e.bind.clone()).filter(|b| !b.is_empty());
        let shared = bind.unwrap_or_else(|| {
            if self.bound { loopback(view.ipv4, view.ipv6) } else { wildcard(view.ipv4, view.ipv6) }
        });
        let number = port.number;
        let at = |bind: Text, networks: Vec<IpNet>| {
            let own_address = bind != shared;
            BindAddress { bind, port: number, networks, own_address }
        };
        let anywhere = || vec![at(shared.clone(), Vec::new())];
        if port.protocol.is_http() || self.bound {
            return anywhere();
        }
        if service.headless && service.registry == ServiceRegistry::Kubernetes {
            return self.pods(service, port);
        }
        let mut bind_addresses = Vec::new();
        for network in service.addresses.iter().filter(|n| usable(view, n)) {
            let is_host = network.prefix_len() == network.max_prefix_len();
            bind_addresses.push(if is_host {
                at(network.addr().to_string().into(), Vec::new())
            } else {
                at(shared.clone(), vec![*network])
            });
        }
        if bind_addresses.is_empty() && view.dns_capture {
            let own = service.auto_addresses.iter().filter(|ip| if ip.is_ipv4() { view.ipv4 } else { view.ipv6 });
            bind_addresses.extend(own.map(|ip| at(ip.to_string().into(), Vec::new())));
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
        let own = |ip: std::net::IpAddr| BindAddress {
            bind: ip.to_string().into(),
            port: port.number,
            networks: Vec::new(),
            own_address: true,
        };
        addresses.into_iter().map(own).collect()
    }
}

/// Adds a chain for the connections that no earlier chain takes. What it does not get is an issue.
fn add(slot: &mut Planned, wanted: Wanted, (service, port): (&Service, &ServicePort), issues: &mut Vec<Issue>) {
    let Wanted { chain, claimant } = wanted;
    let claimed = slot.claims.claim(&chain.asks, &claimant);
    match &claimed.lost {
        Some(Lost::To { claimant: other, .. }) if claimant.service.is_some() && other.service.is_some() => {
            let message = format!(
                "port {} of {} has no address of its own, and an older service has the port; TCP goes to that one",
                port.number, service.host
            );
            issues.push(Issue::warning(&claimant.object, claimant.field, "PortConflict", message));
        }
        _ => issues.extend(claimed.issue(&claimant)),
    }
    if !claimed.left.is_empty() {
        slot.sources.insert(claimant.object);
        slot.sources.extend(chain.to.connection.sources.iter().cloned());
    }
    slot.tcp.extend(claimed.left.into_iter().map(|asks| TcpChain { asks, ..chain.clone() }));
}

fn usable(view: &crate::view::ViewKey, network: &IpNet) -> bool {
    match network {
        IpNet::V4(_) => view.ipv4 || !view.ipv6,
        IpNet::V6(_) => view.ipv6,
    }
}
