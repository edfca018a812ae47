//! The connected proxies: what each was sent, and what it acknowledged or rejected.
//!
//! Streams write it; `/debug` and `heddlectl proxy-status` read it. The metrics are counted here too, so that both
//! always agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use heddle_model::{Text, object::ObjectRef, proxy::Proxy};
use heddle_xds_api::{ResourceSet, TypeUrl, subscription::Nonce};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::auth::Connection;
use crate::metrics::Metrics;

mod rejection;

pub use rejection::{PendingRejection, Rejection};

/// All connected proxies.
#[derive(Debug)]
pub struct ConnectionRegistry {
    metrics: Arc<Metrics>,
    next: AtomicU64,
    // A mutex, because streams begin and end on any thread and readers are rare: a page of /debug, a scrape. It is
    // never held across an await or an encoding.
    entries: Mutex<BTreeMap<u64, Arc<Entry>>>,
    /// Counts the changes of what proxies reject.
    rejection_changes: watch::Sender<u64>,
    /// Counts the streams that began or ended.
    connection_changes: watch::Sender<u64>,
}

/// One stream in the registry. Dropping it removes the stream.
#[derive(Debug)]
pub struct Registration {
    registry: Arc<ConnectionRegistry>,
    key: u64,
    entry: Arc<Entry>,
}

/// What is known of one connected proxy.
#[derive(Clone, Debug)]
pub struct ProxyState {
    /// The proxy's id and a number that tells its connections apart.
    pub connection: String,
    /// The proxy.
    pub proxy: Arc<Proxy>,
    /// The peer's address.
    pub peer: SocketAddr,
    /// Whether the connection is TLS.
    pub secure: bool,
    /// When the stream was opened.
    pub connected: SystemTime,
    /// By type of resource that it subscribes to.
    pub types: BTreeMap<TypeUrl, TypeState>,
    /// The set that it was last sent from; none before the first.
    pub set: Option<Arc<ResourceSet>>,
}

/// What one proxy was sent of one type.
#[derive(Clone, Debug, Default)]
pub struct TypeState {
    /// How many names it subscribes to; none is a wildcard subscription.
    pub names: Option<usize>,
    /// The last response.
    pub sent: Receipt,
    /// The revision of the mesh that the last response was made from; zero before the first.
    pub revision: u64,
    /// The last response with an ACK.
    pub acked: Receipt,
    /// When that ACK arrived.
    pub acked_at: Option<SystemTime>,
    /// When the last response was sent.
    pub sent_at: Option<SystemTime>,
    /// Resources in the last response.
    pub resources: usize,
    /// Bytes of the last response.
    pub bytes: usize,
    /// The message of its last NACK; empty if it rejects nothing.
    pub error: String,
    /// The objects that the rejected resources were compiled from.
    pub objects: Vec<Arc<ObjectRef>>,
    since: Option<Instant>,
    /// The last response with a NACK, while `error` is about it.
    nacked: Option<Nonce>,
    /// Resources that `objects` are of.
    rejects: usize,
    /// How often `objects` were looked up. Only the last result counts.
    lookups: usize,
}

/// A response in the state of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Receipt {
    /// There was none.
    #[default]
    Nothing,
    /// None: the proxy reconnected and lacked nothing.
    Resumed,
    /// The response with this nonce.
    Nonce(Nonce),
}

#[derive(Debug)]
struct Entry {
    connection: String,
    proxy: Arc<Proxy>,
    peer: SocketAddr,
    secure: bool,
    connected: SystemTime,
    // Written by the one stream, read by /debug; a watch would clone the whole state at each ACK.
    discovery: Mutex<DiscoveryState>,
}

#[derive(Debug, Default)]
struct DiscoveryState {
    types: BTreeMap<TypeUrl, TypeState>,
    set: Option<Arc<ResourceSet>>,
}

impl ConnectionRegistry {
    /// An empty registry that counts into `metrics`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let (rejection_changes, connection_changes) = (watch::Sender::new(0), watch::Sender::new(0));
        let (next, entries) = (AtomicU64::new(1), Mutex::default());
        Self { metrics, next, entries, rejection_changes, connection_changes }
    }

    /// Adds a proxy whose stream was admitted.
    #[must_use]
    pub fn connect(self: &Arc<Self>, proxy: Arc<Proxy>, connection: &Connection) -> Registration {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry {
            connection: format!("{}-{key}", proxy.id),
            proxy,
            peer: connection.peer,
            secure: connection.secure,
            connected: SystemTime::now(),
            discovery: Mutex::default(),
        });
        self.entries.lock().insert(key, entry.clone());
        self.connection_changes.send_modify(|count| *count = count.wrapping_add(1));
        Registration { registry: self.clone(), key, entry }
    }

    /// How many streams there are.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.entries.lock().len()
    }

    /// All proxies, by id and age of the stream.
    #[must_use]
    pub fn proxies(&self) -> Vec<ProxyState> {
        let entries: Vec<(u64, Arc<Entry>)> =
            self.entries.lock().iter().map(|(key, entry)| (*key, entry.clone())).collect();
        let mut states: Vec<(u64, ProxyState)> = entries.iter().map(|(key, entry)| (*key, entry.state())).collect();
        states.sort_by(|(a_key, a), (b_key, b)| (&a.proxy.id, a_key).cmp(&(&b.proxy.id, b_key)));
        states.into_iter().map(|(_, state)| state).collect()
    }

    /// All that proxies reject at the moment, in the order of streams.
    #[must_use]
    pub fn rejections(&self) -> Vec<Rejection> {
        let entries: Vec<Arc<Entry>> = self.entries.lock().values().cloned().collect();
        entries.iter().flat_map(|entry| entry.rejections()).collect()
    }

    /// Changes whenever [`Self::rejections`] may have.
    #[must_use]
    pub fn rejection_changes(&self) -> watch::Receiver<u64> {
        self.rejection_changes.subscribe()
    }

    /// Changes whenever [`Self::workloads`] may have.
    #[must_use]
    pub fn connection_changes(&self) -> watch::Receiver<u64> {
        self.connection_changes.subscribe()
    }

    /// The namespaces and names of the pods whose proxies are connected.
    #[must_use]
    pub fn workloads(&self) -> BTreeSet<(Text, Text)> {
        let entries = self.entries.lock();
        entries.values().map(|entry| (entry.proxy.namespace.clone(), entry.proxy.name.clone())).collect()
    }

    /// The newest stream of the proxy with this name, `<pod>.<namespace>`, or the stream with this connection's name.
    /// Streams that subscribe to `url` come first: an agent has a stream of its own for its name table. A node id is no
    /// name: a client of any namespace may send it.
    #[must_use]
    pub fn find(&self, name: &str, url: TypeUrl) -> Option<ProxyState> {
        let is_it = |entry: &&Arc<Entry>| *entry.proxy.short_id == *name || entry.connection == name;
        let found: Vec<_> = self.entries.lock().values().rev().filter(is_it).cloned().collect();
        let mut states = found.iter().map(|entry| entry.state());
        let newest = states.next()?;
        if newest.types.contains_key(&url) {
            return Some(newest);
        }
        Some(states.find(|state| state.types.contains_key(&url)).unwrap_or(newest))
    }

    fn note_rejection_change(&self) {
        self.rejection_changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What is counted here.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl Registration {
    /// The proxy's id and a number that tells its connections apart.
    #[must_use]
    pub fn connection(&self) -> &str {
        &self.entry.connection
    }

    /// The proxy subscribes to so many names of a type; none is a wildcard subscription.
    pub fn subscribed(&self, url: TypeUrl, names: Option<usize>) {
        self.entry.discovery.lock().types.entry(url).or_default().names = names;
    }

    /// The proxy has unsubscribed from all of a type.
    pub fn unsubscribed(&self, url: TypeUrl) {
        self.entry.discovery.lock().types.remove(&url);
    }

    /// A response is sent. `since` is when the event arrived that it holds; none if only a request caused it.
    pub fn sent(
        &self,
        url: TypeUrl,
        nonce: Nonce,
        revision: u64,
        resources: usize,
        bytes: usize,
        since: Option<Instant>,
    ) {
        self.registry.metrics.sent(url, bytes, since.map(|since| since.elapsed()));
        let mut discovery = self.entry.discovery.lock();
        let state = discovery.types.entry(url).or_default();
        (state.sent, state.revision, state.sent_at) = (Receipt::Nonce(nonce), revision, Some(SystemTime::now()));
        (state.resources, state.bytes, state.since) = (resources, bytes, since);
    }

    /// The proxy has reconnected and holds all resources of a type: no response was needed.
    pub fn resumed(&self, url: TypeUrl, revision: u64) {
        let mut discovery = self.entry.discovery.lock();
        let state = discovery.types.entry(url).or_default();
        (state.revision, state.sent, state.acked) = (revision, Receipt::Resumed, Receipt::Resumed);
    }

    /// The proxy sent an ACK with this nonce. Unless it `accepts_all`, it still rejects other resources of the type.
    pub fn acked(&self, url: TypeUrl, nonce: Nonce, accepts_all: bool) {
        let mut discovery = self.entry.discovery.lock();
        // A type that it has unsubscribed from has no state.
        let Some(state) = discovery.types.get_mut(&url) else { return };
        (state.acked, state.acked_at) = (Receipt::Nonce(nonce), Some(SystemTime::now()));
        if accepts_all && state.forget_rejection() {
            self.registry.note_rejection_change();
        }
        if let Some(since) = state.since.take_if(|_| state.sent == state.acked) {
            self.registry.metrics.acked.observe(url, since.elapsed().as_secs_f64());
        }
    }

    /// The proxy rejects nothing more of this type, though it sent no ACK: what it rejected is gone.
    pub fn accepts(&self, url: TypeUrl) {
        let mut discovery = self.entry.discovery.lock();
        if discovery.types.get_mut(&url).is_some_and(TypeState::forget_rejection) {
            self.registry.note_rejection_change();
        }
    }

    /// The proxy sent a NACK with this nonce. It counts at once; its objects follow with
    /// [`PendingRejection::complete`]. The proxy is `without` any accepted version of these resources.
    pub fn rejected(&self, url: TypeUrl, nonce: Nonce, reason: &str, without: &[Arc<str>]) -> PendingRejection {
        self.registry.metrics.rejects.add(url, 1);
        let mut discovery = self.entry.discovery.lock();
        let state = discovery.types.entry(url).or_default();
        state.error = rejection::message(reason, without);
        (state.nacked, state.since) = (Some(nonce), None);
        self.pending(url, nonce, state)
    }

    /// The proxy rejects so many resources of a type, as far as is known.
    pub fn rejects(&self, url: TypeUrl, resources: usize) {
        if let Some(state) = self.entry.discovery.lock().types.get_mut(&url) {
            state.rejects = resources;
        }
    }

    /// The proxy still rejects so many resources of a type. If there were more, their objects are to be looked up anew:
    /// the others are mended.
    #[must_use]
    pub fn rejects_less(&self, url: TypeUrl, resources: usize) -> Option<PendingRejection> {
        let mut discovery = self.entry.discovery.lock();
        let state = discovery.types.get_mut(&url).filter(|state| resources < state.rejects)?;
        state.rejects = resources;
        Some(self.pending(url, state.nacked?, state))
    }

    fn pending(&self, url: TypeUrl, nonce: Nonce, state: &mut TypeState) -> PendingRejection {
        state.lookups += 1;
        let (registry, entry) = (self.registry.clone(), self.entry.clone());
        PendingRejection { registry, entry, url, nonce, reason: state.error.clone(), lookup: state.lookups }
    }

    /// The responses to the proxy are made from this set.
    pub fn holds(&self, set: Arc<ResourceSet>) {
        self.entry.discovery.lock().set = Some(set);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.entries.lock().remove(&self.key);
        self.registry.connection_changes.send_modify(|count| *count = count.wrapping_add(1));
        if self.entry.discovery.lock().types.values().any(|state| !state.error.is_empty()) {
            self.registry.note_rejection_change();
        }
    }
}

impl Entry {
    fn rejections(&self) -> Vec<Rejection> {
        let discovery = self.discovery.lock();
        let rejected = discovery.types.iter().filter(|(_, state)| !state.error.is_empty());
        let rejection = |(url, state): (&TypeUrl, &TypeState)| Rejection {
            proxy: self.proxy.short_id.to_string(),
            type_url: *url,
            reason: state.error.clone(),
            objects: state.objects.clone(),
        };
        rejected.map(rejection).collect()
    }

    fn state(&self) -> ProxyState {
        let discovery = self.discovery.lock();
        ProxyState {
            connection: self.connection.clone(),
            proxy: self.proxy.clone(),
            peer: self.peer,
            secure: self.secure,
            connected: self.connected,
            types: discovery.types.clone(),
            set: discovery.set.clone(),
        }
    }
}

impl TypeState {
    /// Whether there was anything to forget.
    fn forget_rejection(&mut self) -> bool {
        let rejected = !self.error.is_empty();
        self.error.clear();
        self.objects.clear();
        (self.nacked, self.rejects) = (None, 0);
        rejected
    }

    /// The status as istiod calls it: `SYNCED`, `STALE`, `NOT SENT` or `ERROR`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            state if !state.error.is_empty() => "ERROR",
            state if state.sent == Receipt::Nothing => "NOT_SENT",
            state if state.sent == state.acked => "SYNCED",
            _ => "STALE",
        }
    }
}

/// As debug pages show it: empty, `resumed`, or the nonce.
impl fmt::Display for Receipt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Resumed => formatter.write_str("resumed"),
            Self::Nonce(nonce) => nonce.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests;
