//! How long a certificate is valid.

use std::time::Duration;

use time::OffsetDateTime;

use crate::error::{LifetimeError, SignError};

/// Clocks differ: a certificate is valid this long before it was signed.
pub(crate) const BACKDATE: Duration = Duration::from_mins(2);

/// What is given when nothing is asked for, and the most that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Given when zero or less is asked for; istiod's default is 24 hours.
    pub default: Duration,
    /// More than this is refused; istiod's default is 90 days.
    pub most: Duration,
}

/// A lifetime that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(Duration);

/// A span of validity, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Not valid before this moment.
    pub not_before: OffsetDateTime,
    /// Not valid after this moment.
    pub not_after: OffsetDateTime,
}

impl Default for Limits {
    fn default() -> Self {
        Self { default: Duration::from_hours(24), most: Duration::from_hours(90 * 24) }
    }
}

impl Lifetime {
    /// Grants what is asked for in seconds; zero or less means the default.
    ///
    /// # Errors
    /// More than the most is an error and not cut short: a client must not find out by an expired certificate.
    pub fn ask(seconds: i64, limits: &Limits) -> Result<Self, LifetimeError> {
        let Ok(asked @ 1..) = u64::try_from(seconds) else {
            return Ok(Self(limits.default));
        };
        if Duration::from_secs(asked) > limits.most {
            let most = i64::try_from(limits.most.as_secs()).unwrap_or(i64::MAX);
            return Err(LifetimeError::TooLong { asked: seconds, most });
        }
        Ok(Self(Duration::from_secs(asked)))
    }

    /// For certificates that the controller gives itself, whose lifetime nobody asks for.
    #[must_use]
    pub fn of(length: Duration) -> Self {
        Self(length)
    }
}

impl Validity {
    /// From two minutes before `now` until the lifetime ends, or the issuer does: a leaf that outlives its signer would
    /// fail while it looks valid.
    pub(crate) fn within(lifetime: Lifetime, now: OffsetDateTime, issuer: &Validity) -> Result<Self, SignError> {
        let asked = now.checked_add(span(lifetime.0)).unwrap_or(issuer.not_after);
        let not_after = asked.min(issuer.not_after);
        let not_before = now.checked_sub(span(BACKDATE)).unwrap_or(now);
        if not_after <= now {
            return Err(SignError::Expired);
        }
        Ok(Self { not_before, not_after })
    }

    /// The moment is within the span.
    #[must_use]
    pub fn contains(&self, moment: OffsetDateTime) -> bool {
        self.not_before <= moment && moment <= self.not_after
    }
}

/// Durations of more than 292 years are as good as endless.
pub(crate) fn span(length: Duration) -> time::Duration {
    time::Duration::try_from(length).unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00:00 UTC);

    fn within(seconds: i64, issuer_ends: OffsetDateTime) -> Result<Validity, SignError> {
        let issuer = Validity { not_before: NOW, not_after: issuer_ends };
        Validity::within(Lifetime::ask(seconds, &Limits::default()).unwrap(), NOW, &issuer)
    }

    #[test]
    fn nothing_asked_for_is_a_day() {
        for seconds in [0, -1, i64::MIN] {
            let validity = within(seconds, datetime!(2036-01-01 00:00:00 UTC)).unwrap();
            assert_eq!(validity.not_before, datetime!(2026-06-01 11:58:00 UTC));
            assert_eq!(validity.not_after, datetime!(2026-06-02 12:00:00 UTC));
        }
    }

    #[test]
    fn ninety_days_are_given_and_a_second_more_is_refused() {
        let most = 90 * 24 * 3600;
        assert_eq!(
            within(most, datetime!(2036-01-01 00:00:00 UTC)).unwrap().not_after,
            datetime!(2026-08-30 12:00:00 UTC)
        );
        for asked in [most + 1, i64::MAX] {
            assert_eq!(Lifetime::ask(asked, &Limits::default()), Err(LifetimeError::TooLong { asked, most }));
        }
    }

    #[test]
    fn no_certificate_outlives_its_issuer() {
        let soon = datetime!(2026-06-01 12:00:30 UTC);
        assert_eq!(within(3600, soon).unwrap().not_after, soon);
        assert_eq!(within(3600, NOW), Err(SignError::Expired));
    }
}
