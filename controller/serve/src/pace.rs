//! How soon one round may follow another.
//!
//! A lone change leaves at once. Of changes that never rest each would be sent to every proxy, though all but the last
//! is of no use to anybody a moment later. So a round begins no sooner than its predecessor's cost allows: as long as the
//! process has used more than [`SHARE`] of a processor since then, it waits, and what comes meanwhile goes with it. A
//! mesh of ten proxies waits for a millisecond or two, one of a thousand for tens; nobody waits longer than [`MOST`].

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// The share of one processor that rounds without a rest between them may use, in percent.
const SHARE: u32 = 33;
/// The longest time from the beginning of one round to that of the next one that waits.
const MOST: Duration = Duration::from_millis(75);

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

    /// Waits until another round may begin. What the last one cost shows only while its streams are at work, so it is
    /// looked at again.
    pub(crate) async fn rest(self) {
        loop {
            let left = self.left(Instant::now(), processor_time());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// How long to wait, as far as is known now.
    fn left(self, now: Instant, used: Duration) -> Duration {
        let cost = used.saturating_sub(self.used);
        let due = self.began + MOST.min(cost * 100 / SHARE);
        due.saturating_duration_since(now)
    }
}

/// What all threads of this process have used; nothing where the system does not tell.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_waits_for_what_the_last_one_cost_and_no_longer_than_is_borne() {
        let ms = Duration::from_millis;
        let (began, used) = (Instant::now(), ms(500));
        let left = |wall: u64, cost: u64| Pace { began, used }.left(began + ms(wall), used + ms(cost));
        assert_eq!(left(0, 0), ms(0), "nothing is known to wait for");
        assert_eq!(left(1, 1).as_micros(), 2_030);
        assert_eq!(left(10, 11).as_micros(), 23_333);
        assert_eq!(left(34, 11), ms(0));
        assert_eq!(left(20, 60), ms(55), "never more than 75 in all");
        assert_eq!(left(80, 1_000), ms(0), "a lone change does not wait");
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
