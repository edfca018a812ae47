//! Groups: the services and hosts of a sidecar's route configuration that have the same routes.

pub(super) mod limit;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    host::Host,
    issue::Issue,
    protocol::Protocol,
    route::{GatewayRef, Reach},
    service::Service,
};

use super::{
    RouteConfigKey,
    key::{HostRoutesKey, RouteEntries},
};
use crate::{
    memo::Memo,
    scope::{EgressScope, Scope},
    tracked::Asked,
};

/// Services and hosts that share routes on a port.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) port: u16,
    pub(super) services: Vec<Arc<Service>>,
    pub(super) hosts: Vec<Host>,
    pub(super) key: HostRoutesKey,
    pub(super) routes: Arc<RouteEntries>,
    /// What the key asked of the snapshot.
    pub(super) asked: Asked,
}

/// Services and hosts on a port before their routes are known.
type Members = (u16, Vec<Arc<Service>>, Vec<Host>);

/// Which ports a route configuration has: by its key and its egress listener.
type PortsOf<'a> = (&'a RouteConfigKey, &'a EgressScope);

/// Services by host.
type Services<'a> = BTreeMap<&'a Host, &'a Arc<Service>>;

/// The groups of a route configuration, in the order in which they may claim domains: VirtualServices first, the oldest
/// first. Those whose routes do not apply have none, but what is wrong with them is an issue.
pub(super) fn groups(
    scope: &Scope<'_>,
    egress: &EgressScope,
    key: &RouteConfigKey,
    memo: &Memo,
    issues: &mut Vec<Issue>,
) -> Vec<Group> {
    let here = |s: &&Arc<Service>| match key {
        RouteConfigKey::Service(host, _) => s.host == *host,
        _ => true,
    };
    let speaks = egress.services.iter().filter(here).filter(|service| !ports(service, (key, egress)).is_empty());
    let services: Services<'_> = speaks.map(|service| (&service.host, service)).collect();
    let claimed = claimed(&services, &egress.virtual_services);
    let mut groups = Vec::new();
    let mut taken: BTreeSet<(Host, u16)> = BTreeSet::new();
    for (index, virtual_service) in egress.virtual_services.iter().enumerate() {
        let claimed = claimed.get(&index).map_or(&[][..], Vec::as_slice);
        let hosts = if matches!(key, RouteConfigKey::Service(..)) {
            Vec::new()
        } else {
            foreign_hosts(virtual_service, &services)
        };
        for (port, mut services, mut hosts) in grouped(claimed, &hosts, (key, egress)) {
            let (key, asked) = scope.tracked.noted(|| {
                let whole = scope.tracked.virtual_service(&virtual_service.origin)?;
                Some(HostRoutesKey::of_virtual_service(scope, whole, port, [GatewayRef::Mesh].into()))
            });
            let Some(key) = key else {
                scope.tracked.ask_also(asked);
                continue;
            };
            let routes = memo.routes.get(&key);
            if routes.routes.is_empty() {
                // Which virtual hosts there are depends on it.
                scope.tracked.ask_also(asked);
                issues.extend(routes.issues.iter().cloned());
            } else {
                if let Some(within) = limit::within(virtual_service, egress, routes.routes.len(), issues) {
                    services.retain(|service| within.contains(&(service.host.clone(), port)));
                    hosts.retain(|host| within.contains(&(host.clone(), port)));
                }
                taken.extend(services.iter().map(|s| (s.host.clone(), port)));
                groups.push(Group { port, services, hosts, key, routes, asked });
            }
        }
    }
    for service in services.values() {
        for port in ports(service, (key, egress)).into_iter().filter(|p| !taken.contains(&(service.host.clone(), *p))) {
            let (key, asked) = scope.tracked.noted(|| HostRoutesKey::of_service(scope, service, port));
            let routes = memo.routes.get(&key);
            groups.push(Group { port, services: vec![(*service).clone()], hosts: Vec::new(), key, routes, asked });
        }
    }
    groups
}

/// Whether a route configuration speaks for a port: HTTP, or what may turn out to be.
fn may_be_http(protocol: Protocol) -> bool {
    protocol.is_http() || protocol.is_sniffed()
}

/// The ports of a service that matter here. A forward proxy may stand on an egress listener of one port: no other port
/// of the services has a cluster then.
fn ports(service: &Service, of: PortsOf<'_>) -> Vec<u16> {
    let wanted = |number: u16| of.0.port().or(of.1.port_match()).is_none_or(|port| port == number);
    let usable = service.ports.iter().filter(|p| may_be_http(p.protocol) && wanted(p.number));
    usable.map(|p| p.number).collect()
}

/// The services of each VirtualService, by the place of the VirtualService: it speaks for those that no other does with
/// a more specific host, or with the same as an older one.
fn claimed<'a>(services: &Services<'a>, virtual_services: &[Arc<Reach>]) -> BTreeMap<usize, Vec<&'a Arc<Service>>> {
    let mut by_virtual_service: BTreeMap<usize, Vec<&Arc<Service>>> = BTreeMap::new();
    for (host, index) in claims(services, virtual_services) {
        by_virtual_service.entry(index).or_default().extend(services.get(&host).copied());
    }
    by_virtual_service
}

/// Which VirtualService speaks for each service: the one with the most specific host, then the oldest.
fn claims(services: &Services<'_>, virtual_services: &[Arc<Reach>]) -> BTreeMap<Host, usize> {
    let mut best: BTreeMap<Host, (Host, usize)> = BTreeMap::new();
    let mut claim = |service: &Host, by: &Host, index: usize| {
        let better = best.get(service).is_none_or(|(known, _)| by.specificity(known).is_lt());
        if better {
            best.insert(service.clone(), (by.clone(), index));
        }
    };
    for (index, virtual_service) in
        virtual_services.iter().enumerate().filter(|(_, virtual_service)| virtual_service.has_http)
    {
        for host in &virtual_service.hosts {
            if host.is_wildcard() {
                services.keys().filter(|s| host.covers(s)).for_each(|s| claim(s, host, index));
            } else if services.contains_key(host) {
                claim(host, host, index);
            }
        }
    }
    best.into_iter().map(|(service, (_, index))| (service, index)).collect()
}

/// Hosts of a VirtualService that are no services here.
fn foreign_hosts(virtual_service: &Reach, services: &Services<'_>) -> Vec<Host> {
    let known = |host: &Host| {
        if host.is_wildcard() { services.keys().any(|s| host.covers(s)) } else { services.contains_key(host) }
    };
    virtual_service.hosts.iter().filter(|host| !known(host)).cloned().collect()
}

/// Groups by port. Hosts that no service has are known on port 80 only: nothing else says which port they are on.
fn grouped(services: &[&Arc<Service>], hosts: &[Host], of: PortsOf<'_>) -> Vec<Members> {
    let mut by_port: BTreeMap<u16, Vec<Arc<Service>>> = BTreeMap::new();
    for service in services {
        for port in ports(service, of) {
            by_port.entry(port).or_default().push((*service).clone());
        }
    }
    if by_port.is_empty() && !hosts.is_empty() && of.0.port().or(of.1.port_match()).is_none_or(|port| port == 80) {
        by_port.insert(80, Vec::new());
    }
    by_port.into_iter().map(|(port, services)| (port, services, hosts.to_vec())).collect()
}
