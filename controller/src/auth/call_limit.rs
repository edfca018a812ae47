//! A limit on how often something is asked.

use std::time::Instant;

use parking_lot::Mutex;

/// So many calls at once, and so many a second after them.
#[derive(Debug)]
pub(super) struct CallLimit {
    burst: f64,
    per_second: f64,
    /// A mutex, because callers come on any thread. It is held for one look.
    left: Mutex<(f64, Instant)>,
}

impl CallLimit {
    pub(super) fn new(burst: u32, per_second: u32) -> Self {
        let burst = f64::from(burst);
        Self { burst, per_second: per_second.into(), left: Mutex::new((burst, Instant::now())) }
    }

    /// Whether one more call is within the limit now.
    pub(super) fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let (left, since) = &mut *self.left.lock();
        let grown = now.saturating_duration_since(*since).as_secs_f64() * self.per_second;
        (*left, *since) = ((*left + grown).min(self.burst), now);
        let is_within = *left >= 1.0;
        if is_within {
            *left -= 1.0;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn after_the_burst_calls_are_spread() {
        let (limit, begun) = (CallLimit::new(3, 10), Instant::now());
        let taken = |after| (0..100).filter(|_| limit.take_at(begun + Duration::from_millis(after))).count();
        assert_eq!([taken(0), taken(50), taken(200), taken(10_000)], [3, 0, 2, 3]);
    }
}
