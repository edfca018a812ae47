//! All discovery streams. After a commit one round compiles for each of them, off the async workers, and wakes only
//! those whose resources changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use heddle_model::{object::ObjectRef, proxy::Proxy};
use heddle_xds_api::{ResourceSet, TypeUrl};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use super::pace::Pace;
use crate::{Generate, error::StreamError, push::Published, registry::PendingRejection, transport::mailbox::Mailbox};

/// The newest resources of a stream.
#[derive(Clone, Debug)]
pub(crate) struct SetUpdate {
    pub(crate) set: Arc<ResourceSet>,
    /// The revision that the set was compiled from.
    pub(crate) revision: u64,
    /// When the first event arrived that it holds.
    pub(crate) since: Instant,
}

/// All discovery streams.
pub(crate) struct Audience<G: Generate> {
    generate: Arc<G>,
    revisions: watch::Receiver<Option<Published>>,
    /// The revision that the last round began with. New streams begin with it.
    current: watch::Sender<Option<Published>>,
    next: AtomicU64,
    // A mutex, because streams begin and end on any thread. It is held only to change or to copy the list.
    subscribers: Mutex<BTreeMap<u64, Arc<SubscriberState<G::Session>>>>,
    /// Work for single streams: first compilations, and the objects of rejections. More at once than there are
    /// processors would only make each slower.
    outside_rounds: Semaphore,
}

/// One stream in the audience. Dropping it removes the stream.
pub(crate) struct Subscriber<G: Generate> {
    audience: Arc<Audience<G>>,
    key: u64,
    state: Arc<SubscriberState<G::Session>>,
}

struct SubscriberState<S> {
    // A mutex, because rounds and the stream's first compilation exclude each other. A compilation holds it.
    compiled: Mutex<CompileState<S>>,
    updates: Mailbox<SetUpdate>,
}

/// The session of a proxy, and the set that it gave last.
struct CompileState<S> {
    session: S,
    last: Option<Arc<ResourceSet>>,
}

impl<G: Generate> Audience<G> {
    pub(crate) fn new(generate: Arc<G>, revisions: watch::Receiver<Option<Published>>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            generate,
            revisions,
            current: watch::Sender::new(None),
            next: AtomicU64::new(0),
            subscribers: Mutex::default(),
            outside_rounds: Semaphore::new(processors),
        }
    }

    /// Compiles each revision for all streams, until there are no more revisions. Commits during a round, or while the
    /// next round waits, are one revision of the next round.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut revisions = self.revisions.clone();
        revisions.mark_changed();
        let mut last: Option<Pace> = None;
        while revisions.changed().await.is_ok() {
            let since = revisions.borrow_and_update().as_ref().map(|published| published.since);
            if let Some(last) = last {
                last.rest(&mut revisions).await;
            }
            last = Some(Pace::begin());
            let Some(mut published) = revisions.borrow_and_update().clone() else { continue };
            published.since = since.map_or(published.since, |since| since.min(published.since));
            let audience = self.clone();
            if tokio::task::spawn_blocking(move || audience.compile_all(&published)).await.is_err() {
                tracing::error!("a revision could not be compiled");
            }
        }
    }

    /// Waits for the first revision.
    pub(crate) async fn ready(&self) -> Result<(), StreamError> {
        let mut current = self.current.subscribe();
        current.wait_for(Option::is_some).await.map_err(|_| StreamError::ShuttingDown)?;
        Ok(())
    }

    /// Adds a proxy's stream, with its first update, after the first revision.
    pub(crate) async fn join(self: &Arc<Self>, proxy: &Arc<Proxy>) -> Result<Subscriber<G>, StreamError> {
        self.ready().await?;
        let compiled = CompileState { session: self.generate.open(proxy), last: None };
        let state = Arc::new(SubscriberState { compiled: Mutex::new(compiled), updates: Mailbox::new() });
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        self.subscribers.lock().insert(key, state.clone());
        let subscriber = Subscriber { audience: self.clone(), key, state: state.clone() };
        let _permit = self.outside_rounds.acquire().await.map_err(|_| StreamError::ShuttingDown)?;
        let audience = self.clone();
        let compiled = tokio::task::spawn_blocking(move || audience.compile(&state, None)).await;
        compiled.map_err(|_| StreamError::Internal("the configuration could not be compiled"))?;
        Ok(subscriber)
    }

    fn compile_all(&self, published: &Published) {
        self.current.send_replace(Some(published.clone()));
        let subscribers: Vec<_> = self.subscribers.lock().values().cloned().collect();
        for state in subscribers {
            // A panic in one proxy's compilation must not keep the revision from the others.
            let compile = AssertUnwindSafe(|| self.compile(&state, Some(published)));
            if catch_unwind(compile).is_err() {
                tracing::error!("the compilation for a proxy panicked; the proxy keeps its configuration");
            }
        }
    }

    /// The objects that these resources were compiled from, sorted.
    fn objects(
        &self,
        state: &SubscriberState<G::Session>,
        type_url: TypeUrl,
        names: &[Arc<str>],
    ) -> Vec<Arc<ObjectRef>> {
        let compiled = state.compiled.lock();
        let sources = names.iter().flat_map(|name| self.generate.sources(&compiled.session, type_url, name));
        let objects: BTreeSet<Arc<ObjectRef>> = sources.collect();
        objects.into_iter().collect()
    }

    /// Compiles for a stream, and wakes it if the set is a new one. Without a revision it compiles the current one.
    /// That is read under the lock, so it is never older than the revision of the last round.
    fn compile(&self, state: &SubscriberState<G::Session>, published: Option<&Published>) {
        let mut compiled = state.compiled.lock();
        let compiled = &mut *compiled;
        let current = if published.is_none() { self.current.borrow().clone() } else { None };
        let Some(published) = published.or(current.as_ref()) else { return };
        let set = self.generate.update(&published.snapshot, &mut compiled.session);
        if compiled.last.as_ref().is_none_or(|last| !Arc::ptr_eq(last, &set)) {
            compiled.last = Some(set.clone());
            state.updates.put(SetUpdate { set, revision: published.snapshot.revision, since: published.since });
        }
    }
}

impl<G: Generate> Subscriber<G> {
    /// Waits for the newest update that was not taken yet.
    pub(crate) async fn next(&self) -> SetUpdate {
        self.state.updates.take().await
    }

    /// Adds to a rejection the objects that these resources were compiled from. They are found off the async workers,
    /// and the stream does not wait for that: a compilation may hold the session's lock.
    pub(crate) fn complete(&self, rejection: PendingRejection, type_url: TypeUrl, names: Vec<Arc<str>>) {
        let (audience, state) = (self.audience.clone(), self.state.clone());
        tokio::spawn(async move {
            // The semaphore is never closed.
            let _permit = audience.outside_rounds.acquire().await.ok();
            let audience = audience.clone();
            let found = tokio::task::spawn_blocking(move || audience.objects(&state, type_url, &names)).await;
            rejection.complete(found.unwrap_or_default());
        });
    }
}

impl<G: Generate> Drop for Subscriber<G> {
    fn drop(&mut self) {
        self.audience.subscribers.lock().remove(&self.key);
    }
}
