//! Inbound ports of a workload: from its services, or from its Sidecar's ingress. Clusters and listeners are made of
//! these.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use heddle_model::{
    Text,
    destination_rule::DestinationRule,
    endpoint::Address,
    issue::Issue,
    mesh::Mesh,
    object::ObjectRef,
    protocol::Protocol,
    proxy::{Interception, Proxy},
    service::Service,
    sidecar::{CaptureMode, DefaultEndpoint, Ingress, Sidecar},
};

use crate::{
    by_ptr::ByPtr,
    listener::occupied::Occupied,
    scope,
    tracked::{Client, RuleDirection, Tracked},
    view::{self, BackedService, ViewKey},
};

/// One inbound port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InboundPort {
    /// Port of the workload.
    pub(super) number: u16,
    /// Name of the port in the first service, or in the Sidecar.
    pub(super) name: Text,
    /// Port of the first service, or the same.
    pub(super) service_port: u16,
    /// What is spoken.
    pub(super) protocol: Protocol,
    /// Address in names, and to bind where the port has a listener of its own.
    pub(super) bind: Text,
    /// Has a listener of its own: nothing redirects traffic to the common one.
    pub(super) own_listener: bool,
    /// Where requests go; none: where the caller connected to.
    pub(super) address: Option<(Address, u16)>,
    /// Services that lead here, oldest first; the first decides.
    pub(super) services: Vec<ByPtr<Service>>,
    /// The DestinationRule of the first service.
    pub(super) rule: Option<ByPtr<DestinationRule>>,
    /// Its place in the Sidecar's ingress, where it is declared there.
    pub(super) ingress: Option<usize>,
}

impl InboundPort {
    /// The object that it comes from.
    pub(super) fn source(&self, sidecar: Option<&Sidecar>) -> Option<Arc<ObjectRef>> {
        match self.ingress {
            Some(_) => sidecar.map(|sidecar| sidecar.origin.object.clone()),
            None => self.services.first().map(|service| service.origin.object.clone()),
        }
    }
}

/// A workload's inbound ports by number; of two that declare one port the older wins.
pub(super) fn ports(
    tracked: &Tracked<'_>,
    proxy: &Proxy,
    client: &Client,
    sidecar: Option<&Sidecar>,
) -> Vec<InboundPort> {
    let backed = view::backed_services(tracked, proxy);
    let mut ports: BTreeMap<u16, InboundPort> = BTreeMap::new();
    let declared = sidecar.map(|sidecar| sidecar.ingress.as_slice()).unwrap_or_default();
    if declared.is_empty() {
        // Without redirection only an ingress listener says where to listen.
        let redirected = proxy.interception != Interception::None;
        for (service, mapped) in backed.iter().filter(|_| redirected) {
            for (service_port, number) in mapped {
                let Some(port) = service.port(*service_port) else { continue };
                ports.entry(*number).or_insert_with(|| InboundPort {
                    number: *number,
                    name: port.name.clone(),
                    service_port: port.number,
                    protocol: port.protocol,
                    bind: wildcard(proxy),
                    own_listener: false,
                    address: tracked.mesh().inbound_localhost.then(|| (Address::Ip(localhost(proxy)), *number)),
                    services: leading_to(&backed, *number),
                    rule: None,
                    ingress: None,
                });
            }
        }
    }
    for (at, ingress) in declared.iter().enumerate().filter(|(_, ingress)| ingress.protocol != Protocol::Udp) {
        let services = leading_to(&backed, ingress.port).into_iter().take(1).collect();
        ports.entry(ingress.port).or_insert_with(|| of_ingress(proxy, ingress, at, services));
    }
    let rule = |port: &InboundPort| {
        port.services.first().and_then(|service| scope::rule(tracked, client, service, RuleDirection::Inbound))
    };
    let with_rule = |port: InboundPort| InboundPort { rule: rule(&port).map(ByPtr::new), ..port };
    ports.into_values().map(with_rule).collect()
}

/// Leaves out the ports that the proxy has itself. A connection to the virtual listener's own port would be passed on
/// to that port without end.
pub(super) fn leave_out_occupied(
    mesh: &Mesh,
    view: &ViewKey,
    sidecar: Option<&Sidecar>,
    ports: &mut Vec<InboundPort>,
) -> Vec<Issue> {
    let programs = Occupied::of_programs(view);
    let is_captured = view.interception != Interception::None;
    let mut issues = Vec::new();
    ports.retain(|port| {
        let is_virtual = is_captured && [mesh.inbound_port, mesh.outbound_port].contains(&port.number);
        let ingress = port.ingress.and_then(|at| sidecar?.ingress.get(at));
        let field = |name: &str| ingress.map_or_else(|| "spec.ports".into(), |one| format!("{}.{name}", one.field));
        let mut report = |field: String, reason, message: String| {
            issues.extend(port.source(sidecar).map(|object| Issue::error(&object, field, reason, message)));
        };
        let holder = programs.holder(&port.bind, port.number, true).filter(|_| port.own_listener);
        let holder = holder.map(ToString::to_string).or_else(|| is_virtual.then(|| "the proxy's own listener".into()));
        if let Some(holder) = holder {
            let message = format!("port {} of the workload belongs to {holder}; the port is left out", port.number);
            report(field("port.number"), "AddressConflict", message);
            return false;
        }
        let is_usable = !port.own_listener || port.bind.parse::<IpAddr>().is_ok();
        if !is_usable {
            let message = format!("{:?} is no IP address; the port is left out", port.bind);
            report(field("bind"), "BadAddress", message);
        }
        is_usable
    });
    issues
}

/// Whether nothing redirects the traffic of a declared port, so that it needs a listener of its own.
pub(crate) fn has_own_listener(proxy: &Proxy, ingress: &Ingress) -> bool {
    proxy.interception == Interception::None || ingress.capture == CaptureMode::None
}

/// The address of a declared port.
pub(crate) fn ingress_bind(proxy: &Proxy, ingress: &Ingress) -> Text {
    if ingress.bind.is_empty() { address_of(proxy) } else { ingress.bind.clone() }
}

fn of_ingress(proxy: &Proxy, ingress: &Ingress, at: usize, services: Vec<ByPtr<Service>>) -> InboundPort {
    let uncaptured = proxy.interception == Interception::None;
    let address = match &ingress.default_endpoint {
        DefaultEndpoint::Instance if uncaptured => Some((Address::Ip(localhost(proxy)), ingress.port)),
        DefaultEndpoint::Instance => None,
        DefaultEndpoint::Address(to) => Some((Address::Ip(reachable(to.ip(), proxy)), to.port())),
        DefaultEndpoint::Uds(path) => Some((Address::Uds(path.clone()), 0)),
    };
    InboundPort {
        number: ingress.port,
        name: ingress.port_name.clone(),
        service_port: ingress.port,
        protocol: ingress.protocol,
        bind: ingress_bind(proxy, ingress),
        own_listener: has_own_listener(proxy, ingress),
        address,
        services,
        rule: None,
        ingress: Some(at),
    }
}

/// The services with a port that leads to one of the workload, oldest first.
fn leading_to(backed: &[BackedService], number: u16) -> Vec<ByPtr<Service>> {
    let mut services = Vec::new();
    for (service, ports) in backed {
        let leading = ports.iter().filter(|(_, own)| *own == number);
        services.extend(leading.map(|_| ByPtr::new(service)));
    }
    services
}

fn address_of(proxy: &Proxy) -> Text {
    proxy.addresses.first().map_or_else(|| "0.0.0.0".into(), |ip| ip.to_string().into())
}

fn wildcard(proxy: &Proxy) -> Text {
    if proxy.ipv4() || !proxy.ipv6() { "0.0.0.0".into() } else { "::".into() }
}

fn localhost(proxy: &Proxy) -> IpAddr {
    if proxy.ipv4() || !proxy.ipv6() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

/// A default endpoint's address as this proxy can reach it: `0.0.0.0` and `::` are the workload's own address, and a
/// loopback address is that of a family it has.
fn reachable(ip: IpAddr, proxy: &Proxy) -> IpAddr {
    if ip.is_unspecified() {
        let own = proxy.addresses.iter().find(|own| own.is_ipv4() == ip.is_ipv4()).copied();
        let loopback: IpAddr = if ip.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        return own.unwrap_or(loopback);
    }
    let has_family = if ip.is_ipv4() { proxy.ipv4() } else { proxy.ipv6() };
    if (ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST) && !has_family { localhost(proxy) } else { ip }
}
