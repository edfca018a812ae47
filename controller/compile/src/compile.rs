//! The two layers of a proxy: what its view shares, and what is its own.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{
    issue::Issue,
    proxy::{Proxy, ProxyKind},
    snapshot::Snapshot,
};
use heddle_xds_api::{TypeSet, TypeUrl, envoy::config::route::v3::RouteConfiguration};

use crate::{
    cluster,
    compiled::Compiled,
    endpoint, gateway, listener,
    memo::{Kept, Memo},
    mtls,
    output::Output,
    route::virtual_host::{RouteKey, route_configuration},
    scope::Scope,
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
    if types.contains(TypeUrl::Listener) || types.contains(TypeUrl::Route) {
        match key.kind {
            ProxyKind::Sidecar => sidecar(&scope, types, &mut output),
            ProxyKind::Gateway => gateway(&scope, types, &mut output),
        }
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
        let scope = Scope::new(snapshot, &key);
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

fn sidecar(scope: &Scope<'_>, types: TypeSet, output: &mut Output) {
    let mut issues: Vec<Issue> = Vec::new();
    let plan = listener::plan::plan(scope, &mut issues);
    output.find(planned(types), issues);
    if types.contains(TypeUrl::Listener) {
        let listeners = listener::outbound::listeners(scope, &plan).into_iter();
        output.set(TypeUrl::Listener, listeners.map(|l| (l.name.clone(), Compiled::new(l))));
    }
    if types.contains(TypeUrl::Route) {
        let named: BTreeSet<(RouteKey, usize)> =
            plan.values().filter_map(|p| Some((p.http.clone()?, p.egress))).collect();
        let mut routes: Vec<(String, Compiled<RouteConfiguration>)> = named
            .into_iter()
            .map(|(key, egress)| (key.name(), route_configuration(scope, &scope.listeners[egress], &key)))
            .collect();
        if scope.view.http_proxy_port > 0 {
            let key = RouteKey::Proxy(listener::outbound::HTTP_PROXY_ROUTES.into());
            let first = scope.listeners.iter().find(|l| l.port_match().is_none()).or(scope.listeners.first());
            routes.extend(first.map(|egress| (key.name(), route_configuration(scope, egress, &key))));
        }
        output.set(TypeUrl::Route, routes);
    }
}

fn gateway(scope: &Scope<'_>, types: TypeSet, output: &mut Output) {
    let mut issues: Vec<Issue> = Vec::new();
    let ports = gateway::merge::merge(scope, &mut issues);
    output.find(planned(types), issues);
    if types.contains(TypeUrl::Listener) {
        let listeners = gateway::listener::listeners(scope, &ports).into_iter();
        output.set(TypeUrl::Listener, listeners.map(|l| (l.value.name.clone(), l)));
    }
    if types.contains(TypeUrl::Route) {
        let routes = gateway::route::route_configurations(scope, &ports).into_iter();
        output.set(TypeUrl::Route, routes.map(|r| (r.value.name.clone(), r)));
    }
}
