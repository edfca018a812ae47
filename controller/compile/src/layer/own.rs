//! The layer of one proxy alone: its inbound side and its secrets.

use std::sync::Arc;

use heddle_model::{issue::Issue, object::ObjectRef, proxy::Proxy};
use heddle_xds_api::{Layer, TypeUrl};

use super::{Update, entries::Entries};
use crate::{
    entry::Entry,
    inbound::{Inbound, InboundKey},
    memo::Memo,
    secret,
    tracked::{Client, Questions, Revision, Tracked},
    view::ViewKey,
};

/// The resources of one proxy.
#[derive(Debug)]
pub(crate) struct OwnLayer {
    proxy: Arc<Proxy>,
    /// The view of which it was compiled last.
    view: Option<Arc<ViewKey>>,
    of: Option<Revision>,
    /// The inbound side of a sidecar; replicas share it.
    inbound: Option<Arc<Inbound>>,
    /// What its key asked.
    inbound_reads: Questions,
    secrets: Entries,
    /// Held, so that all proxies of the namespace share them.
    compiled_secrets: Vec<Arc<Vec<Arc<Entry>>>>,
    /// What the secrets asked.
    secret_reads: Questions,
    layer: Arc<Layer>,
}

impl OwnLayer {
    /// Of a proxy for which nothing was compiled yet.
    pub(crate) fn new(proxy: &Arc<Proxy>) -> Self {
        Self {
            proxy: proxy.clone(),
            view: None,
            of: None,
            inbound: None,
            inbound_reads: Questions::default(),
            secrets: Entries::default(),
            compiled_secrets: Vec::new(),
            secret_reads: Questions::default(),
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
        if same_view && self.of.as_ref().is_some_and(|of| of.number() >= update.revision.number()) {
            return false;
        }
        // Set at the end: what a panic leaves half compiled is compiled whole the next time.
        let old = self.of.take();
        let (mut inbound, mut secrets) = (true, true);
        if let Some(old) = old.filter(|_| same_view) {
            let delta = (update.delta)(&old);
            let is_due = |reads: &Questions| reads.differ((&old, update.revision), &delta, client);
            (inbound, secrets) = (is_due(&self.inbound_reads), is_due(&self.secret_reads));
        }
        if !inbound && !secrets {
            self.of = Some(update.revision.clone());
            return false;
        }
        let tracked = update.revision.tracked();
        let mut compiled = false;
        if inbound && !self.proxy.is_gateway() {
            compiled |= self.compile_inbound(&tracked, (view, client), update.memo);
        }
        if secrets {
            compiled |= self.compile_secrets(&tracked, update.memo);
        }
        self.view = Some(view.clone());
        self.publish();
        self.of = Some(update.revision.clone());
        compiled
    }

    /// What is wrong with the objects behind the layer.
    pub(crate) fn issues(&self) -> impl Iterator<Item = &Issue> {
        let inbound = self.inbound.iter().flat_map(|inbound| [&inbound.clusters, &inbound.listeners]);
        let left_out = self.inbound.iter().flat_map(|inbound| &inbound.issues);
        inbound.chain([&self.secrets]).flat_map(Entries::issues).chain(left_out)
    }

    /// The objects behind a resource.
    pub(crate) fn sources(&self, type_url: TypeUrl, name: &str) -> &[Arc<ObjectRef>] {
        let inbound = self.inbound.as_ref();
        match type_url {
            TypeUrl::Cluster => inbound.map_or(&[], |inbound| inbound.clusters.sources(name)),
            TypeUrl::Listener => inbound.map_or(&[], |inbound| inbound.listeners.sources(name)),
            TypeUrl::Secret => self.secrets.sources(name),
            _ => &[],
        }
    }

    /// Finds the inbound side that the snapshot has now; whether it had to be compiled, because no replica has it.
    fn compile_inbound(&mut self, tracked: &Tracked<'_>, (view, client): (&ViewKey, &Client), memo: &Memo) -> bool {
        let (key, asked) = tracked.noted(|| InboundKey::of(tracked, &self.proxy, view, client));
        self.inbound_reads = Questions::of(asked);
        let (inbound, fresh) = memo.inbound.find_or_compile(&key);
        self.inbound = Some(inbound);
        fresh
    }

    /// Finds the secrets that the snapshot has now; whether one had to be compiled, because no other proxy has it.
    fn compile_secrets(&mut self, tracked: &Tracked<'_>, memo: &Memo) -> bool {
        let (keys, asked) = tracked.noted(|| secret::keys(tracked, &self.proxy));
        self.secret_reads = Questions::of(asked);
        let (found, fresh): (Vec<_>, Vec<_>) = keys.iter().map(|key| memo.secrets.find_or_compile(key)).unzip();
        self.secrets.replace(found.iter().flat_map(|entries| entries.iter().cloned()));
        self.compiled_secrets = found;
        // A private key must not stay in memory longer than its Secret.
        memo.secrets.sweep();
        fresh.contains(&true)
    }

    /// Takes what has changed into the layer.
    fn publish(&mut self) {
        let mut maps = vec![(TypeUrl::Secret, self.secrets.resources())];
        if let Some(inbound) = &self.inbound {
            maps.push((TypeUrl::Cluster, inbound.clusters.resources()));
            maps.push((TypeUrl::Listener, inbound.listeners.resources()));
        }
        let fresh = super::published(&self.layer, maps);
        self.layer = fresh.unwrap_or_else(|| self.layer.clone());
    }
}
