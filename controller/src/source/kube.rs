//! The Kubernetes API. Each kind has a watch of its own, so that a failed watch does not block others.
//!
//! The state of the store is the last state from the API server. A broken watch continues where it stopped. If the API
//! server has no history back to that point, all objects of the kind are listed again, and the store finds the real
//! changes.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt};
use heddle_model::Text;
use heddle_model::object::Kind;
use heddle_store::{Event, Object, SourceId};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Batch;
use super::definitions::{Definition, Definitions};
use super::kinds::Watched;
use super::pod_index::PodIndex;
use super::raw::Raw;
use crate::status::ObservedStatus;

/// The page size of a list. Only one page of complete objects is in memory.
const PAGE: u32 = 250;
/// The version of all built-in kinds.
const NATIVE: &str = "v1";
/// The delay after the first failure of a watch, and the longest delay after many failures.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Watches the API server and sends events.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// Its id; empty for the control plane's own.
    pub id: Text,
    /// The connection.
    pub client: Client,
    /// The receiver of events.
    pub out: mpsc::Sender<Batch>,
    /// The pods that exist.
    pub pod_index: PodIndex,
    /// Whether statuses are written.
    pub statuses: bool,
    /// The control plane's namespace.
    pub namespace: String,
}

/// Failures in a row: the next delay, and whether they have been logged.
struct Failures {
    what: String,
    count: u32,
}

impl Cluster {
    /// Watches all these kinds until the receiver is gone.
    pub(crate) async fn run(self, kinds: Vec<Watched>) {
        let (found, definitions) = watch::channel(None);
        let mut watches = JoinSet::new();
        watches.spawn(watch_definitions(self.client.clone(), found));
        for of in kinds {
            let (cluster, definitions) = (self.clone(), definitions.clone());
            watches.spawn(async move {
                if of.custom {
                    cluster.follow_custom(&of, definitions).await;
                } else {
                    cluster.follow(&of, NATIVE).await;
                }
            });
        }
        drop(definitions);
        watches.join_all().await;
    }

    /// Watches a kind while it has a definition. Without one there are no objects, and nothing waits for them.
    async fn follow_custom(&self, of: &Watched, mut definitions: watch::Receiver<Option<Definitions>>) {
        loop {
            let known = |definitions: &Option<Definitions>| {
                definitions.as_ref().map(|d| of.version(d.get(&of.definition()).map_or(&[], Vec::as_slice)))
            };
            let Ok(found) = definitions.wait_for(Option::is_some).await.map(|d| known(&d).flatten()) else { return };
            let changed = async { definitions.wait_for(|d| known(d) != Some(found)).await.is_ok() };
            let goes_on = if let Some(version) = found {
                tokio::select! {
                    () = self.follow(of, version) => false,
                    goes_on = changed => goes_on,
                }
            } else {
                tracing::info!(
                    kind = of.kind.name(),
                    "this kind has no definition yet; heddled watches it when it has one"
                );
                let none = self.listed(of.kind, Vec::new());
                self.send(none, Some(ObservedStatus::All(self.id.clone(), of.kind, Vec::new()))).await && changed.await
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Watches a kind until the receiver is gone.
    async fn follow(&self, of: &Watched, version: &str) {
        let resource = of.resource(version);
        let api: Api<Raw> = match &of.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let mut config = watcher::Config::default().page_size(PAGE);
        if let Some(fields) = of.fields {
            config = config.fields(fields);
        }
        let (mut listed, mut sighted) = (Vec::new(), Vec::new());
        let look =
            |raw: &Raw| self.is_sighted(of, raw).then(|| (raw.key(&self.id, of.kind), Arc::new(raw.seen(version))));
        let mut events = pin!(steady(watcher(api, config), of.kind.name()));
        while let Some(event) = events.next().await {
            let read = |raw: Raw| raw.read(&self.id, of.kind, &resource.api_version);
            let (events, observed) = match event {
                watcher::Event::Init => {
                    (listed, sighted) = (Vec::new(), Vec::new());
                    continue;
                }
                watcher::Event::InitApply(raw) => {
                    self.note(of.kind, &raw);
                    sighted.extend(look(&raw));
                    listed.extend(read(raw));
                    continue;
                }
                watcher::Event::InitDone => {
                    let events = self.relisted(of.kind, std::mem::take(&mut listed));
                    (events, Some(ObservedStatus::All(self.id.clone(), of.kind, std::mem::take(&mut sighted))))
                }
                watcher::Event::Apply(raw) => {
                    self.note(of.kind, &raw);
                    let observed = look(&raw).map(|(key, seen)| ObservedStatus::There(key, seen));
                    let Some(object) = read(raw) else { continue };
                    (vec![Event::Apply(self.source(), Box::new(object))], observed)
                }
                watcher::Event::Delete(raw) => {
                    let key = raw.key(&self.id, of.kind);
                    self.pod_index.remove(&key);
                    (vec![Event::Delete(self.source(), key.clone())], Some(ObservedStatus::Gone(key)))
                }
            };
            if !self.send(events, observed).await {
                return;
            }
        }
    }

    /// Whether the status of an object is written or read.
    fn is_sighted(&self, of: &Watched, raw: &Raw) -> bool {
        let service = of.kind == Kind::Service && raw.text("/metadata/namespace") == self.namespace;
        self.statuses && (of.custom || of.kind == Kind::Ingress || service)
    }

    /// What its events come from.
    fn source(&self) -> SourceId {
        SourceId::ApiServer(self.id.clone())
    }

    fn note(&self, kind: Kind, raw: &Raw) {
        match kind {
            Kind::Pod => {
                let key = raw.key(&self.id, kind);
                self.pod_index.insert(key, raw.text("/metadata/uid"), raw.text("/spec/serviceAccountName"));
            }
            Kind::Node => {
                self.pod_index.insert_node(raw.key(&self.id, kind), raw.text("/status/nodeInfo/kubeletVersion"));
            }
            _ => {}
        }
    }

    fn relisted(&self, kind: Kind, objects: Vec<Object>) -> Vec<Event> {
        if kind == Kind::Pod {
            self.pod_index.retain(&self.id, &objects.iter().map(|object| &object.key).collect());
        }
        tracing::info!(kind = kind.name(), objects = objects.len(), "listed");
        self.listed(kind, objects)
    }

    fn listed(&self, kind: Kind, objects: Vec<Object>) -> Vec<Event> {
        vec![Event::Relist(self.source(), kind, objects), Event::Synced(self.source(), kind)]
    }

    /// Whether the receiver still exists.
    async fn send(&self, events: Vec<Event>, observed: Option<ObservedStatus>) -> bool {
        let mut batch = Batch::new(Instant::now());
        batch.events = events;
        batch.observed.extend(observed);
        self.out.send(batch).await.is_ok()
    }
}

/// Keeps the list of served definitions up to date.
async fn watch_definitions(client: Client, found: watch::Sender<Option<Definitions>>) {
    let mut definitions = Definitions::new();
    let api: Api<Definition> = Api::all(client);
    let mut events = pin!(steady(watcher(api, watcher::Config::default().page_size(PAGE)), "CustomResourceDefinition"));
    while let Some(event) = events.next().await {
        match event {
            watcher::Event::Init => {
                definitions.clear();
                continue;
            }
            watcher::Event::InitApply(definition) => {
                definitions.insert(definition.name().into(), definition.served());
                continue;
            }
            watcher::Event::InitDone => {}
            watcher::Event::Apply(definition) => {
                definitions.insert(definition.name().into(), definition.served());
            }
            watcher::Event::Delete(definition) => {
                definitions.remove(definition.name());
            }
        }
        found.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&definitions);
            *known = Some(definitions.clone());
            changed
        });
        if found.is_closed() {
            return;
        }
    }
}

/// A watch that retries after each failure, with growing delays, and logs a failure once.
pub(crate) fn steady<K: Send + 'static>(
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send,
    what: &str,
) -> impl Stream<Item = watcher::Event<K>> + Send {
    let failures = Failures { what: what.to_owned(), count: 0 };
    futures_util::stream::unfold((Box::pin(events), failures), |(mut events, mut failures)| async move {
        loop {
            match events.next().await? {
                Ok(event) => {
                    failures.note(&event);
                    return Some((event, (events, failures)));
                }
                Err(error) => failures.wait(&error).await,
            }
        }
    })
}

impl Failures {
    /// The start of a list shows nothing. Its end, or an object, shows that the watch works.
    fn note<K>(&mut self, event: &watcher::Event<K>) {
        if self.count == 0 || matches!(event, watcher::Event::Init | watcher::Event::InitApply(_)) {
            return;
        }
        tracing::info!(kind = self.what, "the watch is working again");
        self.count = 0;
    }

    async fn wait(&mut self, error: &watcher::Error) {
        let (least, most) = PATIENCE;
        if is_expired(error) {
            tracing::debug!(
                kind = self.what,
                "the API server has no history for this watch; heddled lists all objects again"
            );
            return;
        }
        if self.count == 0 {
            tracing::warn!(kind = self.what, %error, "a watch failed; heddled retries");
        }
        let wait = least.saturating_mul(1 << self.count.min(10)).min(most);
        self.count = self.count.saturating_add(1);
        tokio::time::sleep(wait).await;
    }
}

/// Whether the API server has no history back to the state of the watch (410 Gone).
fn is_expired(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(status) if status.code == 410)
}
