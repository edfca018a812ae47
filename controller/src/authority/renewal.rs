//! Renews certificates: that of the TLS port, a self-signed root before its expiry, and the operator's files after a
//! change.

use std::sync::Arc;
use std::time::Duration;

use heddle_ca::Authority;
use rustls::ServerConfig;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::keeper::{Keeper, KeeperError};
use crate::config::Config;
use crate::tls;

/// The interval for reading the stored authority. A new certificate of the operator may wait for a minute, because it
/// is valid for months.
const INTERVAL: Duration = Duration::from_mins(1);
/// A self-signed root is renewed in the last fifth of its lifetime, as with istiod.
const GRACE: f64 = 0.2;

/// Checks the certificates each minute until `end`.
pub(crate) async fn run(
    config: Config,
    keeper: Keeper,
    authority: watch::Sender<Option<Arc<Authority>>>,
    encryption: watch::Sender<Arc<ServerConfig>>,
    end: CancellationToken,
) {
    let mut shown_at = OffsetDateTime::now_utc();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let Some(old) = authority.borrow().clone() else { continue };
        let now = OffsetDateTime::now_utc();
        let fresh = match renewed(&config, &keeper, &old, now).await {
            Ok(fresh) => fresh.map(Arc::new),
            Err(error) => {
                tracing::error!(%error, "cannot reload the certificate authority; the old one stays in use");
                None
            }
        };
        if fresh.is_none() && is_fresh(shown_at, now) {
            continue;
        }
        let current = fresh.clone().unwrap_or(old);
        match tls::server(&config, &current, now) {
            Ok(server) => {
                encryption.send_replace(server);
                shown_at = now;
            }
            Err(error) => tracing::error!(%error, "cannot renew the certificate of the TLS port"),
        }
        if let Some(fresh) = fresh {
            tracing::info!("the certificate authority was renewed");
            authority.send_replace(Some(fresh));
        }
    }
}

/// Whether a certificate that was issued at `shown_at` stays. One from a later time than now was issued while the clock
/// was wrong. No client accepts it before that time.
fn is_fresh(shown_at: OffsetDateTime, now: OffsetDateTime) -> bool {
    (shown_at..shown_at + tls::LIFE / 2).contains(&now)
}

/// Returns a new authority, if the stored one has changed or a self-signed root is near its expiry.
async fn renewed(
    config: &Config,
    keeper: &Keeper,
    old: &Authority,
    now: OffsetDateTime,
) -> Result<Option<Authority>, RenewalError> {
    let files = keeper.files(config).await?;
    let loaded = heddle_ca::load(&files, now)?;
    let loaded = heddle_ca::replacement(old, loaded)?;
    let validity = loaded.validity();
    let life = validity.not_after - validity.not_before;
    let key = files.get("ca-key.pem").filter(|_| loaded.is_root() && validity.not_after - now < life * GRACE);
    if let Some(key) = key {
        let (renewed, files) = heddle_ca::renewed_root(&loaded, key, config.root_cert_ttl, now)?;
        keeper.write(config, &files).await?;
        return Ok(Some(renewed));
    }
    let same = loaded.roots() == old.roots() && loaded.validity() == old.validity();
    Ok((!same).then_some(loaded))
}

/// Why the authority is not replaced.
#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    #[error("{0}")]
    Authority(#[from] heddle_ca::AuthorityError),
    #[error("{0}")]
    Rotate(#[from] heddle_ca::RotateError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_a_later_time_is_renewed_when_the_clock_is_right_again() {
        let issued = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let fresh = |hours: i64| is_fresh(issued, issued + time::Duration::hours(hours));
        assert_eq!([0, 1, 11].map(fresh), [true; 3]);
        assert_eq!([12, 24, 72].map(fresh), [false; 3], "it is half through its life");
        assert_eq!([-1, -72].map(fresh), [false; 2], "the clock was ahead when it was issued");
    }
}
