//! When a certificate is renewed, and how one authority takes over from another without a workload losing trust.

use std::time::Duration;

use time::OffsetDateTime;

use crate::authority::{Authority, Files, root};
use crate::bundle::Bundle;
use crate::error::RotateError;
use crate::lifetime::Validity;
use crate::{load, pem};

/// The moment from which a certificate ought to be renewed: when `fraction` of its time has passed, give or take
/// `jitter` of its time. `chance` is in 0..=1 and decides how much of the jitter is taken, so that a fleet that started
/// at once does not come back at once.
#[must_use]
pub fn renewal(validity: &Validity, fraction: f64, jitter: f64, chance: f64) -> OffsetDateTime {
    let share = (fraction + jitter * (2.0 * chance.clamp(0.0, 1.0) - 1.0)).clamp(0.0, 1.0);
    let length = Duration::try_from(validity.not_after - validity.not_before).unwrap_or_default();
    validity.not_before.checked_add(crate::lifetime::span(length.mul_f64(share))).unwrap_or(validity.not_after)
}

/// A self-signed root with the same key and name and a later end. Certificates that the old one signed are valid under
/// the new one and the other way round, so that workloads may learn of it one by one.
///
/// `key` is the content of the file `ca-key.pem`, which does not change.
///
/// # Errors
/// When the authority is not a root, or the signing failed.
pub fn renewed_root(
    authority: &Authority,
    key: &[u8],
    length: Duration,
    now: OffsetDateTime,
) -> Result<(Authority, Files), RotateError> {
    if !authority.is_root() {
        return Err(RotateError::NotARoot);
    }
    let der = root(&authority.key, authority.subject.clone(), length, now).ok_or(RotateError::Crypto)?;
    let certificate = pem::certificate(&der).into_bytes();
    let fresh = Bundle::of(vec![der]).map_err(|_| RotateError::Crypto)?;
    let others = authority.roots.roots().filter(|root| *root != authority.certificate).map(<[u8]>::to_vec);
    let roots =
        Bundle::of(fresh.roots().map(<[u8]>::to_vec).chain(others).collect()).map_err(|_| RotateError::Crypto)?;
    let files = Files::from([
        (load::CERTIFICATE.to_owned(), certificate.clone()),
        (load::KEY.to_owned(), key.to_vec()),
        (load::CHAIN.to_owned(), certificate),
        (load::ROOT.to_owned(), roots.pem().as_bytes().to_vec()),
    ]);
    let renewed = load::load(&files, now).map_err(|_| RotateError::Crypto)?;
    Ok((renewed, files))
}

/// Takes over from `old` if every root in use stays: new signing certificates and additional roots are fine, a root
/// that is gone would cut off the workloads that hold certificates of it.
///
/// # Errors
/// When a root in use is missing from the new authority's.
pub fn replacement(old: &Authority, new: Authority) -> Result<Authority, RotateError> {
    if new.roots.covers(&old.roots) { Ok(new) } else { Err(RotateError::RootDropped) }
}
