//! Which streams begin now, and which wait, when many proxies connect at once.
//!
//! A stream costs most at its beginning: the proxy names all that it holds, all of it is compared, and nearly all may
//! have to be sent. When a thousand come back together, because a network was down or a control plane was restarted, as
//! many beginnings would be held in memory at once and none would come to its end soon. So only so many begin together
//! and the others wait. There is no rate to be set: as fast as beginnings end others follow.
//!
//! The namespaces of those who wait take turns, and within one the oldest is first: a thousand streams of one workload
//! do not delay a proxy of another namespace.
//!
//! A place is given only to those who have proved who they are and have begun to speak. It is given up when the proxy
//! has all that it asked for, or after [`PATIENCE`]. A task of its own holds it, because a stream whose client takes no
//! responses is not polled and would keep its place.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How many begin together. Beginnings are mostly waits for answers of proxies, so there are more than processors.
const PLACES: usize = 128;
/// How long a beginning counts.
const PATIENCE: Duration = Duration::from_secs(2);

/// The places of those who begin.
#[derive(Debug)]
pub(crate) struct Admission {
    /// A mutex, because a place is given up wherever it is dropped. It is held for a look only.
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug)]
struct Queue {
    free: usize,
    /// By namespace, the oldest first. No list is empty.
    waiting: BTreeMap<String, VecDeque<oneshot::Sender<Place>>>,
    /// The namespaces of `waiting`, the next one first.
    turns: VecDeque<String>,
}

/// A place. It is given to the next one when it is dropped.
#[derive(Debug)]
struct Place(Arc<Mutex<Queue>>);

/// A stream with a place, for [`PATIENCE`] at most. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// Holds the place.
    holder: JoinHandle<()>,
    since: Instant,
}

impl Admission {
    /// Waits for a place, in the turn of this namespace. Who gives up waiting loses its turn and nothing else.
    pub(crate) async fn enter(&self, namespace: &str) -> Beginning {
        let place = Queue::join(&self.queue, namespace);
        let (tell, entered) = oneshot::channel();
        let holder = tokio::spawn(async move {
            let place = place.await;
            let _ = tell.send(Instant::now());
            tokio::time::sleep(PATIENCE).await;
            drop(place);
        });
        let mut beginning = Beginning { holder, since: Instant::now() };
        if let Ok(since) = entered.await {
            beginning.since = since;
        }
        beginning
    }
}

impl Default for Admission {
    fn default() -> Self {
        let queue = Queue { free: PLACES, waiting: BTreeMap::new(), turns: VecDeque::new() };
        Self { queue: Arc::new(Mutex::new(queue)) }
    }
}

impl Queue {
    fn join(this: &Arc<Mutex<Self>>, namespace: &str) -> oneshot::Receiver<Place> {
        let (give, place) = oneshot::channel();
        let mut queue = this.lock();
        if queue.free > 0 {
            queue.free -= 1;
            drop(queue);
            // The receiver is still here.
            let _ = give.send(Place(this.clone()));
        } else if let Some(waiting) = queue.waiting.get_mut(namespace) {
            waiting.push_back(give);
        } else {
            queue.waiting.insert(namespace.to_owned(), VecDeque::from([give]));
            queue.turns.push_back(namespace.to_owned());
        }
        place
    }

    /// The next one that still waits. Without one a place is free.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        while let Some(namespace) = self.turns.pop_front() {
            let Some(mut waiting) = self.waiting.remove(&namespace) else { continue };
            let first = std::iter::from_fn(|| waiting.pop_front()).find(|one| !one.is_closed());
            if !waiting.is_empty() {
                self.turns.push_back(namespace.clone());
                self.waiting.insert(namespace, waiting);
            }
            if first.is_some() {
                return first;
            }
        }
        self.free += 1;
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = self.0.lock().next();
        if let Some(next) = next {
            // If it has just given up waiting, the place is dropped again.
            let _ = next.send(Self(self.0.clone()));
        }
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        self.holder.abort();
    }
}

impl Beginning {
    /// When it is over, whatever the proxy does.
    pub(crate) fn end(&self) -> Instant {
        self.since + PATIENCE
    }

    /// Waits for something within the time of a beginning, and then without a place for as long as it takes.
    pub(crate) async fn within<T>(beginning: &mut Option<Self>, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        if let Some(end) = beginning.as_ref().map(Self::end)
            && let Ok(done) = tokio::time::timeout_at(end.into(), &mut work).await
        {
            return done;
        }
        *beginning = None;
        work.await
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    async fn full() -> (Arc<Admission>, Vec<Beginning>) {
        let admission = Arc::new(Admission::default());
        let mut first = Vec::new();
        for _ in 0..PLACES {
            first.push(admission.enter("shop").await);
        }
        (admission, first)
    }

    /// Lets streams of these namespaces wait, in this order. Each tells its number when it has a place.
    async fn wait(admission: &Arc<Admission>, namespaces: &[&'static str]) -> UnboundedReceiver<(usize, Beginning)> {
        let (tell, entered) = unbounded_channel();
        for (number, namespace) in namespaces.iter().enumerate() {
            let (one, tell, namespace) = (admission.clone(), tell.clone(), *namespace);
            tokio::spawn(async move { tell.send((number, one.enter(namespace).await)) });
            tokio::task::yield_now().await;
        }
        entered
    }

    #[tokio::test]
    async fn the_oldest_waits_least() {
        let (admission, mut first) = full().await;
        let mut entered = wait(&admission, &["shop"; 3]).await;
        assert!(timeout(SOON, entered.recv()).await.is_err(), "there is no place left");
        for expected in 0..3 {
            drop(first.pop());
            let (number, _beginning) = timeout(SOON, entered.recv()).await.unwrap().unwrap();
            assert_eq!(number, expected);
        }
    }

    #[tokio::test]
    async fn many_streams_of_one_namespace_do_not_delay_another() {
        let (admission, mut first) = full().await;
        let mut entered = wait(&admission, &["evil", "evil", "evil", "bank", "evil"]).await;
        let mut order = Vec::new();
        for _ in 0..5 {
            drop(first.pop());
            order.push(timeout(SOON, entered.recv()).await.unwrap().unwrap());
        }
        assert_eq!(order.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 3, 1, 2, 4]);
    }

    #[tokio::test]
    async fn the_place_of_one_that_gave_up_waiting_is_not_lost() {
        let (admission, mut first) = full().await;
        let gone = timeout(SOON, admission.enter("bank")).await;
        assert!(gone.is_err());
        let mut entered = wait(&admission, &["shop"]).await;
        drop(first.pop());
        assert!(timeout(SOON, entered.recv()).await.is_ok());
    }

    #[tokio::test]
    async fn a_place_is_given_up_though_its_stream_is_not_polled() {
        let (admission, first) = full().await;
        let mut late = Some(timeout(3 * PATIENCE, admission.enter("bank")).await.unwrap());
        drop(first);
        assert_eq!(Beginning::within(&mut late, std::future::ready(1)).await, 1);
        assert!(late.is_some());
        Beginning::within(&mut late, tokio::time::sleep(PATIENCE + SOON)).await;
        assert!(late.is_none());
        assert_eq!(admission.queue.lock().free, PLACES);
    }
}
