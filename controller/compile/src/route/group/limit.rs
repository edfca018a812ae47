//! A limit of the routes that one VirtualService has on a sidecar. A wildcard may cover all services of the mesh on all
//! of their ports, and each has all routes.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{host::Host, issue::Issue, limit::MAX_ROUTES, route::Reach, service::Service};

use super::{foreign_hosts, may_be_http};
use crate::scope::EgressScope;

/// Whether so many hosts may be too many for so many routes on all ports of some services.
pub(crate) fn may_exceed<'a>(services: impl Iterator<Item = &'a Arc<Service>>, hosts: usize, routes: usize) -> bool {
    let (mut all, mut distinct) = (0_usize, BTreeSet::new());
    for port in services.flat_map(|service| &service.ports) {
        all += 1;
        distinct.insert(port.number);
    }
    let most = all.saturating_add(distinct.len().max(1).saturating_mul(hosts));
    most.saturating_mul(routes) > MAX_ROUTES
}

/// The services and hosts, by port, that get so many routes each, where not all can have them: the services first, the
/// oldest first.
pub(super) fn within(
    virtual_service: &Reach,
    egress: &EgressScope,
    routes: usize,
    issues: &mut Vec<Issue>,
) -> Option<BTreeSet<(Host, u16)>> {
    if !may_exceed(egress.services.iter(), virtual_service.hosts.len(), routes) {
        return None;
    }
    let most = (MAX_ROUTES / routes.max(1)).max(1);
    let all = all(virtual_service, egress);
    if all.len() <= most {
        return None;
    }
    let message = format!(
        "{} ports of services and hosts with {routes} HTTP routes each are more than {MAX_ROUTES} routes; only the \
         first {most} have these routes, services before other hosts and the oldest services first",
        all.len()
    );
    issues.push(Issue::error(&virtual_service.origin.object, "spec.hosts", "TooManyRoutes", message));
    Some(all.into_iter().take(most).collect())
}

/// All ports of services, and of hosts that no service has: those are known on the ports of the services.
fn all(virtual_service: &Reach, egress: &EgressScope) -> Vec<(Host, u16)> {
    let covers = |host: &Host, service: &Host| host == service || host.is_wildcard() && host.covers(service);
    let covered = egress.services.iter().filter(|s| virtual_service.hosts.iter().any(|host| covers(host, &s.host)));
    let mut all: Vec<(Host, u16)> = Vec::new();
    for service in covered {
        let ports = service.ports.iter().filter(|port| may_be_http(port.protocol));
        all.extend(ports.map(|port| (service.host.clone(), port.number)));
    }
    let mut ports: BTreeSet<u16> = all.iter().map(|(_, port)| *port).collect();
    if ports.is_empty() {
        ports.insert(80);
    }
    let services = egress.services.iter().map(|service| (&service.host, service)).collect();
    for host in foreign_hosts(virtual_service, &services) {
        all.extend(ports.iter().map(|port| (host.clone(), *port)));
    }
    all
}
