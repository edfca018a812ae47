//! What differs between two revisions, found by comparing pointers.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use crate::{
    destination_rule::DestinationRule,
    host::Host,
    object::Origin,
    route::{Destination, HttpAction, VirtualService},
    service::ServiceKey,
    snapshot::Snapshot,
};

/// The parts of a snapshot that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "one flag a part of the snapshot")]
pub struct Changes {
    /// Mesh-wide settings: everything may differ.
    pub mesh: bool,
    /// Hosts whose service changed, came or went.
    pub services: BTreeSet<Host>,
    /// Services whose endpoints changed.
    pub endpoints: BTreeSet<ServiceKey>,
    /// Addresses of all endpoints, before and after, of the services that changed or whose endpoints did.
    pub backends: BTreeSet<IpAddr>,
    /// Workloads.
    pub workloads: bool,
    /// VirtualServices.
    pub routes: bool,
    /// Where they do not differ in their reach: those that differ.
    pub edited: BTreeSet<Origin>,
    /// VirtualServices in more than how they treat HTTP requests on the way to the same services: in hosts, bindings,
    /// destinations, or rules for TLS and TCP.
    pub route_reach: bool,
    /// DestinationRules.
    pub destinations: bool,
    /// Hosts, perhaps with a wildcard, of the DestinationRules that came, changed or went.
    pub rules: BTreeSet<Host>,
    /// Gateways.
    pub gateways: bool,
    /// Sidecars.
    pub sidecars: bool,
    /// PeerAuthentications.
    pub peer_authentications: bool,
    /// Secrets.
    pub secrets: bool,
    /// Namespaces.
    pub namespaces: bool,
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares two revisions.
#[must_use]
pub fn diff(old: &Snapshot, new: &Snapshot) -> Changes {
    let routes = !Arc::ptr_eq(&old.virtual_services, &new.virtual_services);
    let edited: BTreeSet<&Origin> = if routes {
        new.virtual_services.differing(&old.virtual_services, Arc::ptr_eq).into_iter().collect()
    } else {
        BTreeSet::new()
    };
    let route_reach =
        !edited.iter().all(|origin| same_reach(old.virtual_services.get(origin), new.virtual_services.get(origin)));
    let (services, endpoints) = (changed_services(old, new), changed_endpoints(old, new));
    let backends = [old, new].into_iter().flat_map(|one| backends(one, &services, &endpoints)).collect();
    Changes {
        mesh: !Arc::ptr_eq(&old.mesh, &new.mesh),
        services,
        endpoints,
        backends,
        workloads: !Arc::ptr_eq(&old.workloads, &new.workloads),
        routes,
        edited: if route_reach { BTreeSet::new() } else { edited.into_iter().cloned().collect() },
        route_reach,
        destinations: !Arc::ptr_eq(&old.destination_rules, &new.destination_rules),
        rules: changed_rules(old, new).map(|rule| rule.host.clone()).collect(),
        gateways: !Arc::ptr_eq(&old.gateways, &new.gateways),
        sidecars: !Arc::ptr_eq(&old.sidecars, &new.sidecars),
        peer_authentications: !Arc::ptr_eq(&old.peer_authentications, &new.peer_authentications),
        secrets: !Arc::ptr_eq(&old.secrets, &new.secrets),
        namespaces: !Arc::ptr_eq(&old.namespaces, &new.namespaces),
    }
}

/// The DestinationRules that one revision has and the other has not, or has in another version.
pub(crate) fn changed_rules<'a>(
    old: &'a Snapshot,
    new: &'a Snapshot,
) -> impl Iterator<Item = &'a Arc<DestinationRule>> {
    rules_but(old, new).chain(rules_but(new, old))
}

/// Those of one revision that the other lacks.
pub(crate) fn rules_but<'a>(of: &'a Snapshot, but: &'a Snapshot) -> impl Iterator<Item = &'a Arc<DestinationRule>> {
    let same = Arc::ptr_eq(&of.destination_rules, &but.destination_rules);
    let namespaces = of.destination_rules.iter().filter(move |_| !same);
    namespaces.flat_map(|(namespace, rules)| {
        let others = but.destination_rules.get(namespace);
        let shared = others.is_some_and(|others| Arc::ptr_eq(rules, others));
        let others = others.filter(|_| !shared).into_iter().flat_map(|others| others.iter());
        let known: BTreeSet<*const DestinationRule> = others.map(Arc::as_ptr).collect();
        rules.iter().filter(move |rule| !shared && !known.contains(&Arc::as_ptr(rule)))
    })
}

fn same_reach(old: Option<&Arc<VirtualService>>, new: Option<&Arc<VirtualService>>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    (&old.hosts, &old.gateways, &old.export_to) == (&new.hosts, &new.gateways, &new.export_to)
        && (&old.tls, &old.tcp) == (&new.tls, &new.tcp)
        && old.http.is_empty() == new.http.is_empty()
        && http_destinations(old).eq(http_destinations(new))
}

fn http_destinations(virtual_service: &VirtualService) -> impl Iterator<Item = &Destination> {
    virtual_service.http.iter().flat_map(|rule| {
        let forwards = match &rule.action {
            HttpAction::Forward(destinations) => destinations.as_slice(),
            HttpAction::Redirect(_) | HttpAction::Respond(_) => &[],
        };
        forwards.iter().map(|d| &d.destination).chain(rule.mirrors.iter().map(|m| &m.destination))
    })
}

fn changed_services(old: &Snapshot, new: &Snapshot) -> BTreeSet<Host> {
    if Arc::ptr_eq(&old.services, &new.services) {
        return BTreeSet::new();
    }
    new.services.differing(&old.services).into_iter().map(|key| key.host.clone()).collect()
}

fn changed_endpoints(old: &Snapshot, new: &Snapshot) -> BTreeSet<ServiceKey> {
    if Arc::ptr_eq(&old.endpoints, &new.endpoints) {
        return BTreeSet::new();
    }
    new.endpoints.differing(&old.endpoints).into_iter().cloned().collect()
}

/// Addresses of the endpoints of these services.
fn backends<'a>(
    snapshot: &'a Snapshot,
    hosts: &'a BTreeSet<Host>,
    keys: &'a BTreeSet<ServiceKey>,
) -> impl Iterator<Item = IpAddr> + 'a {
    let of_hosts = hosts.iter().flat_map(|host| snapshot.services.of_host(host)).map(|service| service.key());
    let endpoints = of_hosts.chain(keys.iter().cloned()).filter_map(|key| snapshot.endpoints.get(&key));
    endpoints.flat_map(|endpoints| endpoints.iter()).filter_map(|endpoint| endpoint.address.ip())
}
