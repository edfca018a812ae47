//! Renews the certificate of the workload. The first request is sent as soon as possible, and the next one at half of
//! the lifetime.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::backoff::{Backoff, chance};
use crate::config::{Certificate, Config};
use crate::csr;
use crate::status::Counters;
use crate::svid::Current;

/// Never returns. All users of the certificate watch `current`, and a renewal closes no connection.
pub(crate) async fn renew(config: &Config, current: &watch::Sender<Current>, counters: &Counters) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    loop {
        let held = current.borrow().clone();
        counters.csr_calls.add();
        match csr::certificate(config, held.as_deref()).await {
            Ok(svid) => {
                backoff.reset();
                let wait = life(svid.not_after, OffsetDateTime::now_utc(), &config.certificate, chance());
                tracing::info!(not_after = %svid.not_after, renew_in_seconds = wait.as_secs(), "certificate received");
                current.send_replace(Some(Arc::new(svid)));
                tokio::time::sleep(wait).await;
            }
            Err(error) => {
                counters.csr_failures.add();
                let wait = backoff.step();
                tracing::warn!(%error, retry_in_ms = wait.as_millis(), "cannot get a certificate; the agent retries");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// How long to keep a certificate: the configured share of its remaining lifetime, plus or minus the jitter. `chance`
/// is between 0 and 1. The result is at least a second, so that a wrong clock does not cause a loop of calls.
fn life(not_after: OffsetDateTime, now: OffsetDateTime, how: &Certificate, chance: f64) -> Duration {
    let left = Duration::try_from(not_after - now).unwrap_or_default();
    let share = (how.renew_at + how.jitter * (2.0 * chance - 1.0)).clamp(0.0, 1.0);
    left.mul_f64(share).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: Certificate = Certificate { ttl: Duration::from_hours(24), renew_at: 0.5, jitter: 0.01 };

    #[test]
    fn half_of_what_is_left_give_or_take() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let ends = now + time::Duration::seconds(1000);
        assert_eq!(life(ends, now, &HOW, 0.0), Duration::from_secs(490));
        assert_eq!(life(ends, now, &HOW, 0.5), Duration::from_secs(500));
        assert_eq!(life(ends, now, &HOW, 1.0), Duration::from_secs(510));
        assert_eq!(life(now, ends, &HOW, 0.5), Duration::from_secs(1));
    }
}
