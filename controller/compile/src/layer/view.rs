//! The layer that all proxies of a view share: what they send, and where to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{host::Host, issue::Issue, object::ObjectRef, proxy::ProxyKind};
use heddle_xds_api::{Layer, TypeUrl};

use super::{Update, entries::Entries, routes::Routes};
use crate::{
    cluster::{self, ClusterClient},
    compiled::Compiled,
    endpoint::{self, EndpointKey},
    entry::Entry,
    gateway, listener,
    memo::Memo,
    name_table,
    route::{catch_all, overruled},
    scope::{CachedScope, Scope},
    tracked::{Client, Reads, Revision, Tracked},
    view::ViewKey,
};

/// Questions beyond which a layer is compiled whole, to forget those that no section asks any more.
const MANY: usize = 4096;

/// A part of a view's layer that is compiled on its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// What the view sees. All other sections follow from it.
    Scope,
    /// The clusters that lead to a host, and their endpoints.
    Host(Host),
    /// Listeners, and which route configurations they name.
    Listeners,
    /// Which virtual hosts route configurations have, and which VirtualService each belongs to.
    Routes,
    /// The routes of some virtual hosts, by the place of the configuration and of the routes in it.
    HostRoutes(usize, usize),
    /// The names that the agent answers.
    Names,
}

/// The resources of a view.
#[derive(Debug)]
pub(crate) struct ViewLayer {
    key: Arc<ViewKey>,
    client: Client,
    cluster_client: Arc<ClusterClient>,
    of: Option<Revision>,
    seen: Option<Arc<CachedScope>>,
    reads: Reads<Section>,
    /// How many questions there were when it was compiled whole.
    asked: usize,
    clusters: Entries,
    endpoints: Entries,
    listeners: Entries,
    routes: Routes,
    names: Entries,
    /// What is wrong with the plan of the listeners.
    issues: Vec<Issue>,
    layer: Arc<Layer>,
}

impl ViewLayer {
    /// Of a view for which nothing was compiled yet.
    pub(crate) fn new(key: Arc<ViewKey>, client: Client) -> Self {
        Self {
            client,
            cluster_client: Arc::new(ClusterClient::of(&key)),
            of: None,
            seen: None,
            reads: Reads::default(),
            asked: 0,
            clusters: Entries::default(),
            endpoints: Entries::default(),
            listeners: Entries::default(),
            routes: Routes::default(),
            names: Entries::default(),
            issues: Vec::new(),
            layer: Arc::default(),
            key,
        }
    }

    /// The resources, to be sent.
    pub(crate) fn layer(&self) -> &Arc<Layer> {
        &self.layer
    }

    /// Follows to a revision; whether something was compiled. One that is older than the last changes nothing.
    pub(crate) fn update(&mut self, update: Update<'_>) -> bool {
        if self.of.as_ref().is_some_and(|of| of.number() >= update.revision.number()) {
            return false;
        }
        // Set at the end: what a panic leaves half compiled is compiled whole the next time.
        let old = self.of.take();
        let due = old.map(|old| {
            let delta = (update.delta)(&old);
            self.reads.due((&old, update.revision), &delta, &self.client)
        });
        let tracked = update.revision.tracked();
        let compiled = due.as_ref().is_none_or(|due| !due.is_empty());
        match due {
            Some(due) if due.is_empty() => {}
            Some(due) if !due.contains(&Section::Scope) && self.reads.len() <= self.asked * 2 + MANY => {
                self.compile_due(&tracked, &due, update.memo);
                self.publish();
            }
            _ => {
                self.compile_whole(&tracked, update.memo);
                self.publish();
            }
        }
        self.of = Some(update.revision.clone());
        compiled
    }

    /// What is wrong with the objects behind the layer.
    pub(crate) fn issues(&self) -> impl Iterator<Item = &Issue> {
        let entries = [&self.clusters, &self.endpoints, &self.listeners, &self.names];
        entries.into_iter().flat_map(Entries::issues).chain(self.routes.issues()).chain(&self.issues)
    }

    /// The objects behind a resource.
    pub(crate) fn sources(&self, type_url: TypeUrl, name: &str) -> &[Arc<ObjectRef>] {
        match type_url {
            TypeUrl::Cluster => self.clusters.sources(name),
            TypeUrl::Endpoint => self.endpoints.sources(name),
            TypeUrl::Listener => self.listeners.sources(name),
            TypeUrl::Route | TypeUrl::VirtualHost => self.routes.sources(type_url, name),
            TypeUrl::NameTable => self.names.sources(name),
            _ => &[],
        }
    }

    fn compile_whole(&mut self, tracked: &Tracked<'_>, memo: &Memo) {
        let (key, client) = (self.key.clone(), self.client.clone());
        self.reads = Reads::default();
        let (scope, asked) = tracked.noted(|| Scope::new(tracked, &key, &client));
        self.reads.note(&Section::Scope, asked);
        self.seen = Some(scope.seen.clone());
        let (mut clusters, mut endpoints) = (BTreeMap::new(), BTreeMap::new());
        for host in scope.seen.services.keys() {
            let (of_cluster, of_endpoint) = self.host(&scope, host, memo);
            clusters.insert(host.clone(), of_cluster);
            endpoints.insert(host.clone(), of_endpoint);
        }
        let fixed = cluster::fixed(scope.mesh, &key, scope.seen.outbound.mode).into_iter();
        let fixed = fixed.map(|c| Arc::new(Entry::new(TypeUrl::Cluster, c.value.name.clone(), c.or_of(scope.mesh))));
        self.clusters.replace_hosts(clusters, fixed.collect());
        self.endpoints.replace_hosts(endpoints, Vec::new());
        self.compile_listeners(&scope);
        self.compile_routes(&scope, memo);
        self.compile_names(&scope);
        self.asked = self.reads.len();
    }

    fn compile_due(&mut self, tracked: &Tracked<'_>, due: &BTreeSet<Section>, memo: &Memo) {
        let Some(seen) = self.seen.clone() else { return };
        let (key, client) = (self.key.clone(), self.client.clone());
        let scope = Scope::again(tracked, &key, &client, seen);
        let mut routes = due.contains(&Section::Routes);
        if due.contains(&Section::Listeners) {
            routes |= self.compile_listeners(&scope);
        }
        for section in due {
            match section {
                Section::Host(host) => {
                    let (clusters, endpoints) = self.host(&scope, host, memo);
                    self.clusters.replace_host(host, clusters);
                    self.endpoints.replace_host(host, endpoints);
                }
                Section::HostRoutes(config, at) if !routes => {
                    let (done, asked) = tracked.noted(|| self.routes.recompile(&scope, memo, *config, *at));
                    self.reads.note(section, asked);
                    routes = !done;
                }
                Section::Names => self.compile_names(&scope),
                Section::Scope | Section::Listeners | Section::Routes | Section::HostRoutes(..) => {}
            }
        }
        if routes {
            self.compile_routes(&scope, memo);
        } else {
            self.routes.encode_changed(&scope);
        }
    }

    fn host(&mut self, scope: &Scope<'_>, host: &Host, memo: &Memo) -> (Vec<Arc<Entry>>, Vec<Arc<Entry>>) {
        let keys = || (cluster::keys(scope, &self.cluster_client, host), endpoint::keys(scope, host));
        let ((clusters, endpoints), asked) = scope.tracked.noted(keys);
        self.reads.note(&Section::Host(host.clone()), asked);
        let clusters: Vec<_> = clusters.iter().map(|key| memo.clusters.get(key)).collect();
        // A cluster that has nothing to send to, for want of a Secret for instance, asks for no endpoints.
        let references = clusters.iter().filter(|one| one.is_sent).flat_map(|one| one.resource.references());
        let asked: BTreeSet<&str> =
            references.filter(|needs| needs.type_url == TypeUrl::Endpoint).map(|needs| &*needs.name).collect();
        let is_asked = |key: &&EndpointKey| asked.contains(&*key.name());
        let endpoints = endpoints.iter().filter(is_asked).map(|key| memo.endpoints.get(key)).collect();
        (clusters, endpoints)
    }

    /// Compiles the listeners; whether they name other route configurations than before.
    fn compile_listeners(&mut self, scope: &Scope<'_>) -> bool {
        let mut issues = Vec::new();
        let plan = || match scope.view.kind {
            ProxyKind::Sidecar => {
                issues = catch_all::issues(scope);
                issues.extend(scope.seen.listeners.iter().flat_map(|one| overruled::issues(&one.virtual_services)));
                let plan = listener::plan::plan(scope, &mut issues);
                let listeners = listener::outbound::listeners(scope, &plan).into_iter();
                (self.routes.set_named(listener::plan::named(scope, &plan)), listeners.collect())
            }
            ProxyKind::Gateway => {
                let ports = gateway::merge::merge(scope, &mut issues);
                let listeners: Vec<Compiled<_>> = gateway::listener::listeners(scope, &ports, &mut issues);
                self.routes.set_ports(ports);
                (true, listeners)
            }
        };
        let ((named, listeners), asked): ((bool, Vec<Compiled<_>>), _) = scope.tracked.noted(plan);
        self.reads.note(&Section::Listeners, asked);
        let entry =
            |one: Compiled<_>| Arc::new(Entry::new(TypeUrl::Listener, listener_name(&one), one.or_of(scope.mesh)));
        self.listeners.replace(listeners.into_iter().map(entry));
        self.issues = issues;
        named
    }

    fn compile_routes(&mut self, scope: &Scope<'_>, memo: &Memo) {
        let (host_routes, asked) = scope.tracked.noted(|| self.routes.compile(scope, memo));
        // The places of the routes before mean nothing any more.
        self.reads.forget(|section| matches!(section, Section::HostRoutes(..)));
        self.reads.note(&Section::Routes, asked);
        for (config, at, asked) in host_routes {
            self.reads.note(&Section::HostRoutes(config, at), asked);
        }
    }

    fn compile_names(&mut self, scope: &Scope<'_>) {
        if scope.view.dns_capture {
            let (table, asked) = scope.tracked.noted(|| name_table::name_table(scope));
            self.reads.note(&Section::Names, asked);
            // The one resource of its type, and without a name.
            self.names.replace([Arc::new(Entry::new(TypeUrl::NameTable, String::new(), table))]);
        }
    }

    /// Takes what has changed into the layer.
    fn publish(&mut self) {
        let mut maps = vec![
            (TypeUrl::Cluster, self.clusters.resources()),
            (TypeUrl::Endpoint, self.endpoints.resources()),
            (TypeUrl::Listener, self.listeners.resources()),
        ];
        maps.extend(self.routes.resources());
        if self.key.dns_capture {
            maps.push((TypeUrl::NameTable, self.names.resources()));
        }
        let fresh = super::published(&self.layer, maps);
        self.layer = fresh.unwrap_or_else(|| self.layer.clone());
    }
}

fn listener_name(listener: &Compiled<heddle_xds_api::envoy::config::listener::v3::Listener>) -> String {
    listener.value.name.clone()
}
