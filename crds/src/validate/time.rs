//! Lengths of time.

use crate::Duration;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// Checks a time that must be at least a millisecond, and no finer.
pub(super) fn positive(duration: Option<Duration>) -> Result<(), String> {
    let Some(duration) = duration else { return Ok(()) };
    if duration.nanos() < NANOS_PER_MILLI {
        return Err(format!("{duration} is shorter than 1ms"));
    }
    if duration.nanos() % NANOS_PER_MILLI != 0 {
        return Err(format!("{duration} is finer than a millisecond"));
    }
    Ok(())
}

/// Checks a time that may be zero.
pub(super) fn not_negative(duration: Option<Duration>) -> Result<(), String> {
    match duration {
        Some(duration) if duration.nanos() < 0 => Err(format!("{duration} is negative")),
        _ => Ok(()),
    }
}
