//! The route configurations of a view's layer, and the virtual hosts of those that leave them to be sent one by one.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{issue::Issue, object::ObjectRef, proxy::ProxyKind};
use heddle_xds_api::{ResourceMap, TypeUrl};

use super::entries::Entries;
use crate::{
    entry::Entry,
    gateway::{self, merge::Ports},
    memo::Memo,
    route::{
        RouteConfigKey,
        virtual_host::{Recompiled, SplitRouteConfig, split},
    },
    scope::Scope,
    tracked::Asked,
};

/// What some routes asked, by the place of their configuration and of the routes in it.
pub(super) type AskedByRoutes = Vec<(usize, usize, Asked)>;

/// Route configurations and virtual hosts.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Which of them the listeners of a sidecar name, each with its egress listener.
    named: Vec<(RouteConfigKey, usize)>,
    /// The servers of a gateway.
    ports: Ports,
    /// Those of a sidecar.
    configs: Vec<SplitRouteConfig>,
    entries: Entries,
    virtual_hosts: Entries,
    /// Those that are sent whole and of which some routes changed, by their place: each is encoded once.
    changed: BTreeSet<usize>,
}

impl Routes {
    /// Sets which ones the listeners of a sidecar name; whether those are others than before.
    pub(super) fn set_named(&mut self, named: Vec<(RouteConfigKey, usize)>) -> bool {
        let differs = self.named != named;
        self.named = named;
        differs
    }

    /// Sets the servers of a gateway.
    pub(super) fn set_ports(&mut self, ports: Ports) {
        self.ports = ports;
    }

    /// Compiles all.
    pub(super) fn compile(&mut self, scope: &Scope<'_>, memo: &Memo) -> AskedByRoutes {
        match scope.view.kind {
            ProxyKind::Sidecar => self.compile_sidecar(scope, memo),
            ProxyKind::Gateway => {
                let routes = gateway::route::route_configurations(scope, &self.ports, memo).into_iter();
                self.entries.replace(routes.map(|r| Arc::new(Entry::new(TypeUrl::Route, r.value.name.clone(), r))));
                Vec::new()
            }
        }
    }

    fn compile_sidecar(&mut self, scope: &Scope<'_>, memo: &Memo) -> AskedByRoutes {
        let egress = |at: usize| scope.seen.listeners.get(at);
        let named = self.named.iter().filter_map(|(key, at)| Some((key, egress(*at)?)));
        self.changed.clear();
        self.configs = named.map(|(key, egress)| split(scope, egress, key, memo)).collect();
        let mut asked = Vec::new();
        for (config, split) in self.configs.iter_mut().enumerate() {
            asked.extend(split.take_asked().map(|(at, asked)| (config, at, asked)));
        }
        let apart: Vec<_> = self.configs.iter().filter(|split| split.is_split(scope)).collect();
        let hosts = apart.iter().flat_map(|split| split.virtual_hosts()).map(|key| memo.virtual_hosts.get(key));
        self.virtual_hosts.replace(hosts.collect::<Vec<_>>());
        self.entries.replace(self.configs.iter().map(|split| entry(scope, split)));
        asked
    }

    /// Compiles some routes of one configuration again. False, if other virtual hosts may have to speak for what these
    /// spoke for.
    pub(super) fn recompile(&mut self, scope: &Scope<'_>, memo: &Memo, config: usize, at: usize) -> bool {
        let Some(split) = self.configs.get_mut(config) else { return true };
        match split.recompile(scope, memo, at) {
            Recompiled::Same => true,
            Recompiled::Otherwise => false,
            Recompiled::Changed if split.is_split(scope) => {
                let changed = split.virtual_hosts_of(at).map(|key| memo.virtual_hosts.get(key));
                changed.for_each(|entry| self.virtual_hosts.put(entry));
                true
            }
            Recompiled::Changed => {
                self.changed.insert(config);
                true
            }
        }
    }

    /// Encodes the configurations of which some routes were compiled again.
    pub(super) fn encode_changed(&mut self, scope: &Scope<'_>) {
        for split in std::mem::take(&mut self.changed).into_iter().filter_map(|config| self.configs.get(config)) {
            self.entries.put(entry(scope, split));
        }
    }

    /// The resources, to be sent.
    pub(super) fn resources(&self) -> [(TypeUrl, &Arc<ResourceMap>); 2] {
        [(TypeUrl::Route, self.entries.resources()), (TypeUrl::VirtualHost, self.virtual_hosts.resources())]
    }

    /// What is wrong with the input.
    pub(super) fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.entries.issues().chain(self.virtual_hosts.issues())
    }

    /// The objects behind a resource.
    pub(super) fn sources(&self, type_url: TypeUrl, name: &str) -> &[Arc<ObjectRef>] {
        if type_url == TypeUrl::VirtualHost { self.virtual_hosts.sources(name) } else { self.entries.sources(name) }
    }
}

fn entry(scope: &Scope<'_>, split: &SplitRouteConfig) -> Arc<Entry> {
    let compiled = if split.is_split(scope) { split.with_vhds() } else { split.whole() };
    Arc::new(Entry::new(TypeUrl::Route, compiled.value.name.clone(), compiled.or_of(scope.mesh)))
}
