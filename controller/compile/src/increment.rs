//! A small change of a view that was compiled before: only what it concerns is compiled.
//!
//! Small is: endpoints, rules, and what routes do with requests on the way to the same services. What the view sees stays as
//! it was then, and so do its listeners and which virtual host speaks for what.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{diff::Changes, host::Host, proxy::ProxyKind, route::VirtualService, snapshot::Snapshot};
use heddle_xds_api::TypeUrl;

use crate::{
    by_ptr::ByPtr,
    cluster, endpoint,
    memo::{Kept, Memo},
    route::{HostRoutesKey, HostRoutesSource, virtual_host::SplitRouteConfig},
    scope::{CachedScope, Scope},
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
    (cached_scope, split_configs): (&mut CachedScope, &mut [SplitRouteConfig]),
    memo: &Memo,
) -> Option<Patch> {
    if key.kind != ProxyKind::Sidecar || !is_small(changes) {
        return None;
    }
    let edited = edited(snapshot, changes, cached_scope)?;
    let scope = Scope::again(snapshot, key, cached_scope);
    let ruled: BTreeSet<Host> = changes.rules.iter().flat_map(|rule| cached_scope.covered(rule)).collect();
    let moved = moved(&scope, changes, cached_scope);
    let pods = |host: &Host| scope.service(host).is_some_and(|service| service.headless);
    if moved.iter().any(pods) || !ruled.is_empty() && cached_scope.is_by_bytes() {
        // Headless services have a listener a pod, and rules say which subsets bytes go to.
        return None;
    }
    let mut patch = Patch::default();
    let virtual_hosts = virtual_hosts(&scope, &edited, &ruled, split_configs, memo)?;
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
        backends: BTreeSet::new(),
        routes: false,
        edited: BTreeSet::new(),
        destinations: false,
        rules: BTreeSet::new(),
        ..changes.clone()
    };
    rest.is_empty()
}

/// The VirtualServices that differ, by the one that was: they are replaced in what the view sees.
fn edited(
    snapshot: &Snapshot,
    changes: &Changes,
    cached_scope: &mut CachedScope,
) -> Option<BTreeMap<ByPtr<VirtualService>, Arc<VirtualService>>> {
    let mut edited = BTreeMap::new();
    for origin in &changes.edited {
        let fresh = snapshot.virtual_services.get(origin)?;
        if let Some(old) = cached_scope.replace(fresh) {
            edited.insert(ByPtr::new(&old), fresh.clone());
        }
    }
    Some(edited)
}

/// The hosts of the services whose endpoints changed, and those that stand for one of them.
fn moved(scope: &Scope<'_>, changes: &Changes, cached_scope: &CachedScope) -> BTreeSet<Host> {
    let seen = changes.endpoints.iter().filter(|key| scope.service(&key.host).is_some_and(|one| one.key() == **key));
    seen.flat_map(|key| cached_scope.covered(&key.host)).collect()
}

/// The virtual hosts whose routes are of an edited VirtualService, or lead to a service with another rule. None, if there are some that
/// are not sent one by one, or if other virtual hosts may have to speak for what these spoke for.
fn virtual_hosts(
    scope: &Scope<'_>,
    edited: &BTreeMap<ByPtr<VirtualService>, Arc<VirtualService>>,
    ruled: &BTreeSet<Host>,
    split_configs: &mut [SplitRouteConfig],
    memo: &Memo,
) -> Option<Vec<Arc<Kept>>> {
    let mut seen: BTreeSet<&ByPtr<VirtualService>> = BTreeSet::new();
    let mut fresh = Vec::new();
    for split in split_configs {
        let with_vhds = scope.view.can.virtual_hosts && split.may_split();
        let mut due: BTreeSet<usize> = ruled.iter().flat_map(|host| split.leading_to(host)).collect();
        for (old, new) in edited {
            let places = split.exchange(old, new);
            if !places.is_empty() {
                seen.insert(old);
            }
            due.extend(places);
        }
        for at in due {
            let (host, key) = split.hosts.get_mut(at)?;
            *key = again(scope, key, edited);
            host.routes = ByPtr::new(&memo.routes(key));
            if !with_vhds || host.routes.routes.is_empty() {
                return None;
            }
            fresh.push(memo.virtual_host(host));
        }
    }
    // A VirtualService that spoke for nothing may speak for something now.
    let all_seen =
        edited.iter().all(|(virtual_service, _)| seen.contains(virtual_service) || virtual_service.http.is_empty());
    all_seen.then_some(fresh)
}

fn again(
    scope: &Scope<'_>,
    key: &HostRoutesKey,
    edited: &BTreeMap<ByPtr<VirtualService>, Arc<VirtualService>>,
) -> HostRoutesKey {
    match &key.of {
        HostRoutesSource::VirtualService(old) => {
            let virtual_service = edited.get(old).unwrap_or(old.arc());
            HostRoutesKey::of_virtual_service(scope, virtual_service, key.port, key.gateways.clone())
        }
        HostRoutesSource::Service(service) => HostRoutesKey::of_service(scope, service.arc(), key.port),
    }
}

#[cfg(test)]
mod tests {
    use heddle_model::{host::Host, service::ServiceKey};

    use super::*;

    #[test]
    fn a_change_of_endpoints_alone_is_small() {
        let host = Host::parse("web.shop.svc.cluster.local").unwrap();
        let key = ServiceKey { host: host.clone(), namespace: "shop".into() };
        let endpoints = Changes {
            endpoints: BTreeSet::from([key]),
            backends: BTreeSet::from([[10, 0, 0, 1].into()]),
            ..Changes::default()
        };
        assert!(is_small(&endpoints));
        assert!(!is_small(&Changes { services: BTreeSet::from([host]), ..endpoints }));
    }
}
