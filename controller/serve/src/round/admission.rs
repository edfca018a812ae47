//! Who begins now, and who waits, when many proxies come at once.
//!
//! A stream costs most at its beginning: the proxy names all that it holds, all of it is compared, and nearly all may
//! have to be sent. When a thousand come back together, because a network was down or a control plane was restarted, as
//! many beginnings would be held in memory at once and none would come to its end soon. So only so many begin together
//! and the others wait, the oldest first. There is no rate to be set: as fast as beginnings end others follow.
//!
//! A place is given only to those who have proved who they are, and is given up when the proxy has all that it asked
//! for, or after [`PATIENCE`]: a proxy that is slow, or says nothing, keeps others out for no longer than that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many begin together. Beginnings are mostly waits for answers of proxies, so there are more than processors.
const PLACES: usize = 128;
/// How long a beginning counts.
const PATIENCE: Duration = Duration::from_secs(2);

/// The places of those who begin.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
}

/// A place; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Beginning {
    _place: Option<OwnedSemaphorePermit>,
    since: Instant,
}

impl Admission {
    /// Waits for a place. Who gives up waiting loses its turn and nothing else.
    pub(crate) async fn enter(&self) -> Beginning {
        // The semaphore is never closed. It wakes those who wait in the order in which they came.
        let place = self.places.clone().acquire_owned().await.ok();
        Beginning { _place: place, since: Instant::now() }
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)) }
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
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn the_oldest_waits_least() {
        let admission = Arc::new(Admission::default());
        let mut first = Vec::new();
        for _ in 0..PLACES {
            first.push(admission.enter().await);
        }
        let (told, mut entered) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..3 {
            let (admission, told) = (admission.clone(), told.clone());
            tokio::spawn(async move { told.send((number, admission.enter().await)) });
            tokio::task::yield_now().await;
        }
        assert!(timeout(SOON, entered.recv()).await.is_err(), "there is no place left");
        for expected in 0..3 {
            drop(first.pop());
            let (number, _beginning) = timeout(SOON, entered.recv()).await.unwrap().unwrap();
            assert_eq!(number, expected);
        }
    }

    #[tokio::test]
    async fn who_says_nothing_loses_its_place_but_not_its_turn_to_speak() {
        let admission = Admission::default();
        let mut beginning = Some(admission.enter().await);
        assert_eq!(Beginning::within(&mut beginning, std::future::ready(1)).await, 1);
        assert!(beginning.is_some());
        assert_eq!(admission.places.available_permits(), PLACES - 1);

        let long_ago = Instant::now().checked_sub(PATIENCE).unwrap();
        let mut late = beginning.map(|beginning| Beginning { since: long_ago, ..beginning });
        let work = async {
            tokio::time::sleep(SOON).await;
            admission.places.available_permits()
        };
        assert_eq!(Beginning::within(&mut late, work).await, PLACES);
        assert!(late.is_none());
    }
}
