//! The Kubernetes API: one watch a kind, each for itself, so that one that fails holds up no other.
//!
//! The state of the store is what the API server last said. A watch that was cut off goes on where it was; where the API
//! server has forgotten that place, all objects of the kind are listed anew, and the store finds what really changed.

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

/// Objects asked for at a time. A page is the only place where whole objects are in memory.
const PAGE: u32 = 250;
/// The version of all kinds that are Kubernetes' own.
const NATIVE: &str = "v1";
/// How long the first failure of a watch is waited for, and the longest wait after many.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Watches the API server and makes events of it.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// Its id; empty for the control plane's own.
    pub id: Text,
    /// The connection.
    pub client: Client,
    /// Where events go.
    pub out: mpsc::Sender<Batch>,
    /// The pods that exist.
    pub pod_index: PodIndex,
    /// Whether anybody writes statuses.
    pub statuses: bool,
    /// The control plane's namespace.
    pub namespace: String,
}

/// Failures in a row: how long to wait, and whether it has been said.
struct Failures {
    what: String,
    count: u32,
}

impl Cluster {
    /// Watches all these kinds until nobody listens any more.
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

    /// Follows a kind while it is defined. While it is not, there are no objects of it, and nobody waits for them.
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
                tracing::info!(kind = of.kind.name(), "not defined; taken up once it is");
                let none = self.listed(of.kind, Vec::new());
                self.send(none, Some(ObservedStatus::All(self.id.clone(), of.kind, Vec::new()))).await && changed.await
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Follows a kind until nobody listens any more.
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

    /// Whether a status is written to an object, or what one says is read off it.
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
                self.pod_index.insert_node(raw.key(&self.id, kind), raw.text("/status/nodeInfo/kubeletVersion"))
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

    /// Whether somebody still listens.
    async fn send(&self, events: Vec<Event>, observed: Option<ObservedStatus>) -> bool {
        let mut batch = Batch::new(Instant::now());
        batch.events = events;
        batch.observed.extend(observed);
        self.out.send(batch).await.is_ok()
    }
}

/// Keeps up the list of definitions that are served.
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

/// A watch that goes on after each failure, a little later each time, and says so once.
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
    /// That a listing begins says nothing yet; that it ends, or that an object came, does.
    fn note<K>(&mut self, event: &watcher::Event<K>) {
        if self.count == 0 || matches!(event, watcher::Event::Init | watcher::Event::InitApply(_)) {
            return;
        }
        tracing::info!(kind = self.what, "the watch works again");
        self.count = 0;
    }

    async fn wait(&mut self, error: &watcher::Error) {
        let (least, most) = PATIENCE;
        if is_expired(error) {
            tracing::debug!(kind = self.what, "listing anew: the API server has forgotten where the watch was");
            return;
        }
        if self.count == 0 {
            tracing::warn!(kind = self.what, %error, "a watch failed; trying again until it works");
        }
        let wait = least.saturating_mul(1 << self.count.min(10)).min(most);
        self.count = self.count.saturating_add(1);
        tokio::time::sleep(wait).await;
    }
}

/// Whether the API server keeps no history back to where the watch was.
fn is_expired(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(status) if status.code == 410)
}
