//! The delay before the next attempt. It grows up to a limit, and it is random, so that agents do not retry in step.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// The delays of one series of attempts.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Starts at `first`, doubles, and stops growing at `most`.
    #[must_use]
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// The next delay: between half and all of the current step.
    pub(crate) fn step(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.most);
        step.mul_f64(0.5 + 0.5 * chance())
    }

    /// Starts again after a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A random number from 0 up to 1. If the system gives no random numbers, it is the middle.
#[must_use]
pub(crate) fn chance() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_up_to_the_limit_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        for step in [100, 200, 350, 350] {
            let wait = backoff.step();
            assert!(wait >= Duration::from_millis(step / 2) && wait <= Duration::from_millis(step), "{wait:?}");
        }
        backoff.reset();
        assert!(backoff.step() <= Duration::from_millis(100));
    }

    #[test]
    fn chance_differs() {
        let all = (0..100).map(|_| chance()).collect::<Vec<_>>();
        assert!(all.iter().all(|one| (0.0..1.0).contains(one)));
        assert!(all.iter().any(|one| *one < 0.4) && all.iter().any(|one| *one > 0.6));
    }
}
