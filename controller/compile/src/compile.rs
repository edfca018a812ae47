//! The two layers of a proxy: what its view shares, and what is its own.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    issue::Issue,
    proxy::{Proxy, ProxyKind},
    snapshot::Snapshot,
};
use heddle_xds_api::{TypeSet, TypeUrl};

use crate::{
    cluster,
    compiled::Compiled,
    endpoint, gateway,
    listener::{self, plan::Plan},
    memo::{Kept, Memo},
    mtls, name_table,
    output::Output,
    route::{RouteConfigKey, catch_all, virtual_host::split},
    scope::{EgressScope, Scope},
    secret,
    view::{self, ViewKey},
};

/// Compiles what all proxies of a view share, of these types.
#[must_use]
pub fn compile_view(snapshot: &Snapshot, key: &ViewKey, types: TypeSet, memo: &Memo) -> Output {
    let scope = Scope::new(snapshot, key);
    let mut output = Output::default();
    if types.contains(TypeUrl::Cluster) {
        output.set_kept(TypeUrl::Cluster, clusters(&scope, memo));
    }
    if types.contains(TypeUrl::Endpoint) {
        output.set_kept(TypeUrl::Endpoint, endpoint::keys(&scope).iter().map(|key| memo.endpoints(key)).collect());
    }
    if [TypeUrl::Listener, TypeUrl::Route, TypeUrl::VirtualHost].into_iter().any(|one| types.contains(one)) {
        match key.kind {
            ProxyKind::Sidecar => sidecar(&scope, types, memo, &mut output),
            ProxyKind::Gateway => gateway(&scope, types, memo, &mut output),
        }
    }
    if types.contains(TypeUrl::NameTable) && key.dns_capture {
        // The one resource of its type, and without a name.
        output.set(TypeUrl::NameTable, [(String::new(), name_table::name_table(&scope))]);
    }
    if key.kind == ProxyKind::Sidecar {
        output.cached_scope = Some(scope.into_cached());
    }
    output.finish()
}

/// Compiles what is a proxy's own, of these types.
#[must_use]
pub fn compile_own(snapshot: &Snapshot, proxy: &Proxy, types: TypeSet) -> Output {
    let key = view::view(snapshot, proxy);
    let mut output = Output::default();
    if types.contains(TypeUrl::Secret) {
        let secrets = secret::secrets(snapshot, proxy).into_iter();
        output.set(TypeUrl::Secret, secrets.map(|s| (s.value.name.clone(), s)));
    }
    if proxy.is_gateway() {
        return output.finish();
    }
    if types.contains(TypeUrl::Cluster) {
        let scope = Scope::inbound(snapshot, &key);
        let inbound = cluster::inbound(&scope, proxy).into_iter();
        output.set(TypeUrl::Cluster, inbound.map(|c| (c.value.name.clone(), c)));
    }
    if types.contains(TypeUrl::Listener) {
        let ports = listener::port::inbound_ports(snapshot, proxy);
        let labels = view::labels_of(snapshot, proxy);
        let root = &snapshot.mesh.root_namespace;
        let modes = mtls::effective(&snapshot.peer_authentications, root, &proxy.namespace, &labels);
        let listeners = listener::inbound::listeners(&snapshot.mesh, &key, proxy, &ports, &modes);
        let sources: Vec<_> = ports.iter().filter_map(|p| p.source.clone()).collect();
        output.set(
            TypeUrl::Listener,
            listeners.into_iter().map(|l| (l.name.clone(), Compiled { sources: sources.clone(), ..Compiled::new(l) })),
        );
    }
    output.finish()
}

fn clusters(scope: &Scope<'_>, memo: &Memo) -> Vec<Arc<Kept>> {
    let fixed = cluster::fixed(&scope.snapshot.mesh, scope.view, scope.outbound.mode).into_iter();
    let fixed = fixed.map(|c| Arc::new(Kept::new(TypeUrl::Cluster, c.value.name.clone(), c)));
    cluster::keys(scope).iter().map(|key| memo.cluster(key)).chain(fixed).collect()
}

/// Listeners and routes come from one plan; what is wrong with it is said of the listeners, if they are compiled.
fn planned(types: TypeSet) -> TypeUrl {
    if types.contains(TypeUrl::Listener) { TypeUrl::Listener } else { TypeUrl::Route }
}

fn sidecar(scope: &Scope<'_>, types: TypeSet, memo: &Memo, output: &mut Output) {
    let mut issues: Vec<Issue> = catch_all::issues(scope);
    let plan = listener::plan::plan(scope, &mut issues);
    output.find(planned(types), issues);
    if types.contains(TypeUrl::Listener) {
        let listeners = listener::outbound::listeners(scope, &plan).into_iter();
        output.set(TypeUrl::Listener, listeners.map(|l| (l.name.clone(), Compiled::new(l))));
    }
    if types.contains(TypeUrl::Route) || types.contains(TypeUrl::VirtualHost) {
        routes(scope, &plan, memo, output);
    }
}

/// The route configurations of a sidecar, and the virtual hosts of those that leave them to be sent one by one.
fn routes(scope: &Scope<'_>, plan: &Plan, memo: &Memo, output: &mut Output) {
    let mut named: BTreeMap<RouteConfigKey, usize> = BTreeMap::new();
    for planned in plan.values() {
        if let Some(key) = &planned.http {
            let egress = named.entry(key.clone()).or_insert(planned.egress);
            *egress = planned.egress.min(*egress);
        }
    }
    let mut named: Vec<(RouteConfigKey, &EgressScope)> =
        named.into_iter().map(|(key, egress)| (key, &scope.listeners[egress])).collect();
    if scope.view.http_proxy_port > 0 {
        let first = scope.listeners.iter().find(|l| l.port_match().is_none()).or(scope.listeners.first());
        let key = RouteConfigKey::Proxy(listener::outbound::HTTP_PROXY_ROUTES.into());
        named.extend(first.map(|egress| (key, egress)));
    }
    let (mut configurations, mut hosts, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for (key, egress) in named {
        let split = split(scope, egress, &key, memo);
        if scope.view.can.virtual_hosts && split.may_split() {
            hosts.extend(split.hosts.iter().map(|(host, _)| memo.virtual_host(host)));
            configurations.push((key.name(), split.with_vhds()));
        } else {
            configurations.push((key.name(), split.whole()));
        }
        all.push(split);
    }
    output.split_configs = Some(all);
    output.set(TypeUrl::Route, configurations);
    output.set_kept(TypeUrl::VirtualHost, hosts);
}

fn gateway(scope: &Scope<'_>, types: TypeSet, memo: &Memo, output: &mut Output) {
    let mut issues: Vec<Issue> = Vec::new();
    let ports = gateway::merge::merge(scope, &mut issues);
    output.find(planned(types), issues);
    if types.contains(TypeUrl::Listener) {
        let listeners = gateway::listener::listeners(scope, &ports).into_iter();
        output.set(TypeUrl::Listener, listeners.map(|l| (l.value.name.clone(), l)));
    }
    if types.contains(TypeUrl::Route) || types.contains(TypeUrl::VirtualHost) {
        let routes = gateway::route::route_configurations(scope, &ports, memo).into_iter();
        output.set(TypeUrl::Route, routes.map(|r| (r.value.name.clone(), r)));
    }
}
