//! How soon one round may follow another.
//!
//! A lone change leaves at once. Of changes that never rest each would be sent to every proxy, though all but the last
//! is of no use to anybody a moment later. So after a round there is a rest, as long as the process has used more than
//! [`SHARE`] of a processor since the round began: a mesh of ten proxies rests for a few milliseconds, one of a
//! thousand for a hundred, none for longer than [`MOST`]. A change that comes in the second half of a rest ends it. One
//! that comes sooner waits, and what comes meanwhile goes with it, until the rest is over or changes have stopped
//! coming.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use tokio::{sync::watch, time::timeout};

/// The share of one processor that a storm of changes may use, in percent.
const SHARE: u32 = 20;
/// The longest time from the beginning of one round to that of the next one that waits.
const MOST: Duration = Duration::from_millis(150);
/// Changes have stopped coming when none has come for this part of what is left of a rest, one in so many: long after
/// an expensive round, while the processors may be too busy to bring the next change, and short towards the end.
const LULL: u32 = 3;

/// When the last round began, and what the process had used by then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    began: Instant,
    used: Duration,
}

impl Pace {
    /// A round begins.
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), used: processor_time() }
    }

    /// Waits, when a change has come, until another round may begin. What the last one cost shows only while its
    /// streams are at work, so it is looked at again.
    pub(crate) async fn rest<T>(self, changes: &mut watch::Receiver<T>) {
        let mut heard = Instant::now();
        if self.due(processor_time()) / 2 <= heard - self.began {
            return;
        }
        loop {
            let left = self.left(Instant::now(), processor_time(), heard);
            if left.is_zero() {
                return;
            }
            match timeout(left, changes.changed()).await {
                Ok(Ok(())) => heard = Instant::now(),
                Ok(Err(_)) => return,
                Err(_) => {}
            }
        }
    }

    /// How long the rest lasts, from the beginning of the round, as far as is known now.
    fn due(self, used: Duration) -> Duration {
        MOST.min(used.saturating_sub(self.used) * 100 / SHARE)
    }

    /// How long to wait unless there is another change; the last one came at `heard`.
    fn left(self, now: Instant, used: Duration, heard: Instant) -> Duration {
        let left = self.due(used).saturating_sub(now - self.began);
        (left / LULL).saturating_sub(now - heard)
    }
}

/// What all threads of this process have used; nothing where the system does not tell.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    /// What is to be waited for `wall` ms after a round that cost `cost` ms began, when the last change came at
    /// `heard`.
    fn left(wall: u64, cost: u64, heard: u64) -> Duration {
        let (began, used) = (Instant::now(), ms(500));
        Pace { began, used }.left(began + ms(wall), used + ms(cost), began + ms(heard))
    }

    #[test]
    fn a_rest_lasts_for_what_the_round_cost_and_no_longer_than_is_borne() {
        let pace = Pace { began: Instant::now(), used: ms(500) };
        assert_eq!([ms(500), ms(510), ms(700)].map(|used| pace.due(used)), [ms(0), ms(50), ms(150)]);
    }

    #[test]
    fn it_ends_sooner_when_changes_stop_coming() {
        assert_eq!(left(0, 0, 0), ms(0), "nothing is known to wait for");
        assert_eq!(left(20, 10, 20), ms(10), "a third of 30");
        assert_eq!(left(30, 60, 30), ms(40), "a third of 120");
        assert_eq!(left(30, 60, 10), ms(20), "half of it has passed");
        assert_eq!(left(60, 60, 30), ms(0), "all of it");
        assert_eq!(left(60, 60, 60), ms(30), "but another one came");
        assert_eq!(left(150, 1_000, 150), ms(0), "the rest is over");
    }

    #[tokio::test]
    async fn a_change_in_the_second_half_of_a_rest_ends_it() {
        let (_sender, mut changes) = watch::channel(0);
        let began = Instant::now().checked_sub(MOST / 2).unwrap();
        let rest = Pace { began, used: Duration::ZERO }.rest(&mut changes);
        assert!(timeout(Duration::ZERO, rest).await.is_ok(), "it does not wait at all");
    }

    #[tokio::test]
    async fn a_rest_ends_though_changes_never_do() {
        let (sender, mut changes) = watch::channel(0);
        let busy = tokio::spawn(async move {
            while sender.send(1).is_ok() {
                tokio::task::yield_now().await;
            }
        });
        Pace::begin().rest(&mut changes).await;
        drop(changes);
        busy.await.unwrap();
    }

    #[test]
    fn the_processor_time_of_the_process_grows() {
        let before = processor_time();
        let mut sum = 0_u64;
        while processor_time().saturating_sub(before) < Duration::from_millis(2) {
            sum = sum.wrapping_add(1);
        }
        assert!(sum > 0);
    }
}
