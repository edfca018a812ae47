//! A small change of a view that was compiled before: only what it concerns is compiled.
//!
//! Small is: endpoints, rules, and what routes do with requests on the way to the same services. What the view sees stays as
//! it was then, and so do its listeners and which virtual host speaks for what.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    diff::Changes, host::Host, proxy::ProxyKind, route::RouteTable, service::Resolution, snapshot::Snapshot,
};
use heddle_xds_api::TypeUrl;

use crate::{
    cluster, endpoint,
    memo::{Kept, Memo},
    route::{RoutesKey, RoutesOf, virtual_host::Parts},
    scope::{Scope, Sight},
    shared::Shared,
    view::ViewKey,
};

/// What a small change makes anew.
#[derive(Debug, Default)]
pub struct Patch {
    /// Hosts of which all clusters, and their endpoints, are replaced.
    pub hosts: BTreeSet<Host>,
    /// The resources in their place, and others that replace one of their name each.
    pub kept: BTreeMap<TypeUrl, Vec<Arc<Kept>>>,
}

/// Compiles a small change on top of what is known; none if it is not small. `sight` and `parts` are then of no use any more.
pub fn recompile(
    snapshot: &Snapshot,
    key: &ViewKey,
    changes: &Changes,
    (sight, parts): (&mut Sight, &mut [Parts]),
    memo: &Memo,
) -> Option<Patch> {
    if key.kind != ProxyKind::Sidecar || !is_small(changes) {
        return None;
    }
    let edited = edited(snapshot, changes, sight)?;
    let scope = Scope::again(snapshot, key, sight);
    let ruled = hosts(&scope, |host, _| changes.rules.iter().any(|rule| rule.covers(host)));
    let moved = hosts(&scope, |_, service| changes.endpoints.contains(&service.key()));
    let pods = |host: &Host| scope.service(host).is_some_and(|service| service.headless);
    let by_bytes = |table: &Arc<RouteTable>| !(table.tls.is_empty() && table.tcp.is_empty());
    let mut tables = scope.listeners.iter().flat_map(|listener| &listener.tables);
    if moved.iter().any(pods) || !ruled.is_empty() && tables.any(by_bytes) {
        // Headless services have a listener a pod, and rules say which subsets bytes go to.
        return None;
    }
    let mut patch = Patch::default();
    let virtual_hosts = virtual_hosts(&scope, &edited, &ruled, parts, memo)?;
    if !virtual_hosts.is_empty() {
        patch.kept.insert(TypeUrl::VirtualHost, virtual_hosts);
    }
    patch.hosts = ruled;
    patch.hosts.extend(moved);
    if !patch.hosts.is_empty() {
        let clusters = cluster::keys_of(&scope, &patch.hosts);
        let endpoints = endpoint::keys_of(&scope, &patch.hosts);
        patch.kept.insert(TypeUrl::Cluster, clusters.iter().map(|key| memo.cluster(key)).collect());
        patch.kept.insert(TypeUrl::Endpoint, endpoints.iter().map(|key| memo.endpoints(key)).collect());
    }
    Some(patch)
}

fn is_small(changes: &Changes) -> bool {
    let rest = Changes {
        endpoints: BTreeSet::new(),
        routes: false,
        edited: BTreeSet::new(),
        destinations: false,
        rules: BTreeSet::new(),
        ..changes.clone()
    };
    rest.is_empty()
}

/// The tables that differ, by the one that was: they are replaced in what the view sees.
fn edited(
    snapshot: &Snapshot,
    changes: &Changes,
    sight: &mut Sight,
) -> Option<BTreeMap<Shared<RouteTable>, Arc<RouteTable>>> {
    let mut edited = BTreeMap::new();
    for table in sight.tables_mut().filter(|table| changes.edited.contains(&table.origin)) {
        let fresh = snapshot.routes.iter().find(|fresh| fresh.origin == table.origin)?.clone();
        edited.insert(Shared::new(table), fresh.clone());
        *table = fresh;
    }
    Some(edited)
}

/// The hosts of services that are concerned, and those that stand for one that is.
fn hosts(scope: &Scope<'_>, concerned: impl Fn(&Host, &heddle_model::service::Service) -> bool) -> BTreeSet<Host> {
    let is = |host: &Host| scope.service(host).is_some_and(|service| concerned(host, service));
    let found = scope.services.iter().filter(|(host, import)| match &import.service.resolution {
        Resolution::Alias(real) => is(host) || is(real),
        _ => is(host),
    });
    found.map(|(host, _)| host.clone()).collect()
}

/// The virtual hosts whose routes are of an edited table, or lead to a service with another rule. None, if there are some that
/// are not sent one by one, or if other virtual hosts may have to speak for what these spoke for.
fn virtual_hosts(
    scope: &Scope<'_>,
    edited: &BTreeMap<Shared<RouteTable>, Arc<RouteTable>>,
    ruled: &BTreeSet<Host>,
    parts: &mut [Parts],
    memo: &Memo,
) -> Option<Vec<Arc<Kept>>> {
    let mut seen = BTreeSet::new();
    let mut fresh = Vec::new();
    for part in parts {
        let parted = scope.view.can.virtual_hosts && part.may_part();
        for (host, key) in &mut part.hosts {
            let table = match &key.of {
                RoutesOf::Table(table) => edited.get(table),
                RoutesOf::Service(_) => None,
            };
            if table.is_none() && !ruled.iter().any(|host| key.known.contains(host)) {
                continue;
            }
            if let RoutesOf::Table(table) = &key.of {
                seen.insert(table.clone());
            }
            *key = again(scope, key, table);
            host.routes = Shared::new(&memo.routes(key));
            if !parted || host.routes.routes.is_empty() {
                return None;
            }
            fresh.push(memo.virtual_host(host));
        }
    }
    // A table that spoke for nothing may speak for something now.
    let all_seen = edited.iter().all(|(table, _)| seen.contains(table) || table.http.is_empty());
    all_seen.then_some(fresh)
}

fn again(scope: &Scope<'_>, key: &RoutesKey, table: Option<&Arc<RouteTable>>) -> RoutesKey {
    match (&key.of, table) {
        (RoutesOf::Table(old), table) => {
            RoutesKey::of_table(scope, table.unwrap_or(old.arc()), key.port, key.gateways.clone())
        }
        (RoutesOf::Service(service), _) => RoutesKey::of_service(scope, service.arc(), key.port),
    }
}
