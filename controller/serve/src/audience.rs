//! Who is to hear of a commit: all streams are looked at once, off the async workers, and only those are woken whose
//! configuration it changes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use heddle_model::{object::ObjectRef, proxy::Proxy};
use heddle_xds_api::{ResourceSet, TypeUrl};
use tokio::sync::{Semaphore, watch};

use crate::{Generate, error::StreamError, mailbox::Mailbox, pace::Pace, push::Published};

/// What a stream is to tell its client next.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) set: Arc<ResourceSet>,
    /// The revision that it is of.
    pub(crate) revision: u64,
    /// When the first event arrived that it carries.
    pub(crate) since: Instant,
}

/// All streams.
pub(crate) struct Audience<G: Generate> {
    generate: Arc<G>,
    revisions: watch::Receiver<Option<Published>>,
    /// What streams are answered from: the revision that the last round began with.
    current: watch::Sender<Option<Published>>,
    next: AtomicU64,
    // A mutex, because streams come and go on any thread. It is held to change or to copy the list only.
    members: Mutex<BTreeMap<u64, Arc<Member<G::Seat>>>>,
    /// Compilations for streams that have just come: more than there are processors would only make each slower.
    arrivals: Semaphore,
}

/// One stream's place. Dropping it is leaving.
pub(crate) struct Place<G: Generate> {
    audience: Arc<Audience<G>>,
    key: u64,
    member: Arc<Member<G::Seat>>,
}

struct Member<S> {
    // A mutex: rounds and the stream's own first compilation take turns.
    seat: Mutex<Taken<S>>,
    offers: Mailbox<Offer>,
}

/// A seat, and what was offered to it last.
struct Taken<S> {
    seat: S,
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
            members: Mutex::default(),
            arrivals: Semaphore::new(processors),
        }
    }

    /// Spreads each revision until there are no more. What is committed during a round, or while the next one waits for
    /// its turn, is one revision of the next.
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
            if tokio::task::spawn_blocking(move || audience.spread(&published)).await.is_err() {
                tracing::error!("a revision could not be compiled");
            }
        }
    }

    /// Waits until there is anything to offer.
    pub(crate) async fn ready(&self) -> Result<(), StreamError> {
        let mut current = self.current.subscribe();
        current.wait_for(Option::is_some).await.map_err(|_| StreamError::ShuttingDown)?;
        Ok(())
    }

    /// A place for a proxy, with its first offer, as soon as there is anything to offer.
    pub(crate) async fn join(self: &Arc<Self>, proxy: &Arc<Proxy>) -> Result<Place<G>, StreamError> {
        self.ready().await?;
        let seat = Taken { seat: self.generate.seat(proxy), last: None };
        let member = Arc::new(Member { seat: Mutex::new(seat), offers: Mailbox::new() });
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.members).insert(key, member.clone());
        let place = Place { audience: self.clone(), key, member: member.clone() };
        let _permit = self.arrivals.acquire().await.map_err(|_| StreamError::ShuttingDown)?;
        let audience = self.clone();
        let compiled = tokio::task::spawn_blocking(move || audience.offer(&member, None)).await;
        compiled.map_err(|_| StreamError::Internal("the configuration could not be compiled"))?;
        Ok(place)
    }

    fn spread(&self, published: &Published) {
        self.current.send_replace(Some(published.clone()));
        let members: Vec<_> = lock(&self.members).values().cloned().collect();
        for member in members {
            self.offer(&member, Some(published));
        }
    }

    /// Compiles for a member, and wakes its stream if that gave something new. Without a revision it is the current one,
    /// looked up when it is this member's turn: never one older than that of the last round.
    fn offer(&self, member: &Member<G::Seat>, published: Option<&Published>) {
        let mut turn = lock(&member.seat);
        let turn = &mut *turn;
        let current = if published.is_none() { self.current.borrow().clone() } else { None };
        let Some(published) = published.or(current.as_ref()) else { return };
        let set = self.generate.generate(&published.snapshot, &mut turn.seat);
        if turn.last.as_ref().is_none_or(|last| !Arc::ptr_eq(last, &set)) {
            turn.last = Some(set.clone());
            member.offers.put(Offer { set, revision: published.snapshot.revision, since: published.since });
        }
    }
}

impl<G: Generate> Place<G> {
    /// The newest offer, when there is one that was not taken yet.
    pub(crate) async fn next(&self) -> Offer {
        self.member.offers.take().await
    }

    /// The objects that a resource came from.
    pub(crate) fn sources(&self, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        self.audience.generate.sources(&lock(&self.member.seat).seat, type_url, name)
    }
}

impl<G: Generate> Drop for Place<G> {
    fn drop(&mut self) {
        lock(&self.audience.members).remove(&self.key);
    }
}

/// A compilation that panicked leaves its seat as the generator left it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
