//! The layer of one proxy alone: its inbound side and its secrets.

use std::sync::Arc;

use heddle_model::{issue::Issue, object::ObjectRef, proxy::Proxy, snapshot::Snapshot};
use heddle_xds_api::{Layer, TypeUrl};

use super::{Update, entries::Entries};
use crate::{
    entry::Entry,
    inbound::{Inbound, InboundKey},
    memo::Memo,
    secret,
    tracked::{Client, Reads, Tracked},
    view::ViewKey,
};

/// The resources of one proxy.
#[derive(Debug)]
pub(crate) struct OwnLayer {
    proxy: Arc<Proxy>,
    /// The view of which it was compiled last.
    view: Option<Arc<ViewKey>>,
    of: Option<Arc<Snapshot>>,
    inbound: InboundSide,
    secrets: Entries,
    /// Held, so that all proxies of the namespace share them.
    compiled_secrets: Vec<Arc<Vec<Arc<Entry>>>>,
    /// What the secrets asked.
    secret_reads: Reads<()>,
    layer: Arc<Layer>,
}

/// The inbound side of a sidecar.
#[derive(Debug, Default)]
struct InboundSide {
    /// Held, so that replicas share it.
    compiled: Option<Arc<Inbound>>,
    clusters: Entries,
    listeners: Entries,
    reads: Reads<()>,
}

impl OwnLayer {
    /// Of a proxy for which nothing was compiled yet.
    pub(crate) fn new(proxy: &Arc<Proxy>) -> Self {
        Self {
            proxy: proxy.clone(),
            view: None,
            of: None,
            inbound: InboundSide::default(),
            secrets: Entries::default(),
            compiled_secrets: Vec::new(),
            secret_reads: Reads::default(),
            layer: Arc::default(),
        }
    }

    /// The resources, to be sent.
    pub(crate) fn layer(&self) -> &Arc<Layer> {
        &self.layer
    }

    /// Follows to a revision, in which the proxy is in this view; whether something was compiled.
    pub(crate) fn update(&mut self, update: Update<'_>, (view, client): (&Arc<ViewKey>, &Client)) -> bool {
        let same_view = self.view.as_ref().is_some_and(|known| Arc::ptr_eq(known, view));
        if same_view && self.of.as_ref().is_some_and(|of| of.revision >= update.snapshot.revision) {
            return false;
        }
        // Set at the end: what a panic leaves half compiled is compiled whole the next time.
        let old = self.of.take();
        let (mut inbound, mut secrets) = (true, true);
        if let Some(old) = old.filter(|_| same_view) {
            let delta = (update.delta)(&old);
            let is_due = |reads: &Reads<()>| !reads.due((&old, update.snapshot), &delta, client).is_empty();
            (inbound, secrets) = (is_due(&self.inbound.reads), is_due(&self.secret_reads));
        }
        if !inbound && !secrets {
            self.of = Some(update.snapshot.clone());
            return false;
        }
        let tracked = Tracked::new(update.snapshot);
        let mut compiled = false;
        if inbound && !self.proxy.is_gateway() {
            compiled |= self.inbound.compile(&tracked, (&self.proxy, view, client), update.memo);
        }
        if secrets {
            compiled |= self.compile_secrets(&tracked, update.memo);
        }
        self.view = Some(view.clone());
        self.publish();
        self.of = Some(update.snapshot.clone());
        compiled
    }

    /// What is wrong with the objects behind the layer.
    pub(crate) fn issues(&self) -> impl Iterator<Item = &Issue> {
        [&self.inbound.clusters, &self.inbound.listeners, &self.secrets].into_iter().flat_map(Entries::issues)
    }

    /// The objects behind a resource.
    pub(crate) fn sources(&self, type_url: TypeUrl, name: &str) -> &[Arc<ObjectRef>] {
        match type_url {
            TypeUrl::Cluster => self.inbound.clusters.sources(name),
            TypeUrl::Listener => self.inbound.listeners.sources(name),
            TypeUrl::Secret => self.secrets.sources(name),
            _ => &[],
        }
    }

    /// Finds the secrets that the snapshot has now; whether one had to be compiled, because no other proxy has it.
    fn compile_secrets(&mut self, tracked: &Tracked<'_>, memo: &Memo) -> bool {
        let (keys, asked) = tracked.noted(|| secret::keys(tracked, &self.proxy));
        self.secret_reads = Reads::of(asked);
        let (found, fresh): (Vec<_>, Vec<_>) = keys.iter().map(|key| memo.secrets.find_or_compile(key)).unzip();
        self.secrets.replace(found.iter().flat_map(|entries| entries.iter().cloned()));
        self.compiled_secrets = found;
        fresh.contains(&true)
    }

    /// Takes what has changed into the layer.
    fn publish(&mut self) {
        let mut maps = vec![(TypeUrl::Secret, self.secrets.resources())];
        if !self.proxy.is_gateway() {
            maps.push((TypeUrl::Cluster, self.inbound.clusters.resources()));
            maps.push((TypeUrl::Listener, self.inbound.listeners.resources()));
        }
        let fresh = super::published(&self.layer, maps);
        self.layer = fresh.unwrap_or_else(|| self.layer.clone());
    }
}

impl InboundSide {
    /// Finds what the snapshot says now; whether it had to be compiled, because no replica has it.
    fn compile(
        &mut self,
        tracked: &Tracked<'_>,
        (proxy, view, client): (&Proxy, &ViewKey, &Client),
        memo: &Memo,
    ) -> bool {
        let (key, asked) = tracked.noted(|| InboundKey::of(tracked, proxy, view, client));
        self.reads = Reads::of(asked);
        let (inbound, fresh) = memo.inbound.find_or_compile(&key);
        if self.compiled.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &inbound)) {
            self.clusters.replace(inbound.clusters.iter().cloned());
            self.listeners.replace(inbound.listeners.iter().cloned());
            self.compiled = Some(inbound);
        }
        fresh
    }
}
