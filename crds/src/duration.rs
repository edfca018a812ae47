//! A length of time as the API spells it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The units of a duration, in nanoseconds. Longer names first, so that `ms` is not read as `m`.
const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
];

/// A signed length of time with a resolution of a nanosecond, at most 292 years either way.
///
/// Reads what Go's duration syntax allows (`1.5s`, `100ms`, `1h2m`), which includes all of protobuf's JSON.
/// Written in the form of protobuf's JSON: `5400s`, `0.100s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

/// A text that is not a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError(String);

impl Duration {
    /// A duration of so many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A duration of so many milliseconds, cut at the longest that can be said.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A duration of so many seconds, cut at the longest that can be said.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// The whole length in nanoseconds; negative lengths exist, and validation refuses them.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The length for use with clocks; nothing if it is negative.
    #[must_use]
    pub fn to_std(self) -> Option<std::time::Duration> {
        u64::try_from(self.0).ok().map(std::time::Duration::from_nanos)
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let error = || DurationError(text.chars().take(64).collect());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(error());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let (nanos, after) = part(rest).ok_or_else(error)?;
            total = total.checked_add(nanos).filter(|total| *total <= i128::from(i64::MAX)).ok_or_else(error)?;
            rest = after;
        }
        i64::try_from(if negative { -total } else { total }).map(Self).map_err(|_| error())
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        match fraction {
            0 => write!(f, "{sign}{seconds}s"),
            _ if fraction.is_multiple_of(1_000_000) => write!(f, "{sign}{seconds}.{:03}s", fraction / 1_000_000),
            _ if fraction.is_multiple_of(1_000) => write!(f, "{sign}{seconds}.{:06}s", fraction / 1_000),
            _ => write!(f, "{sign}{seconds}.{fraction:09}s"),
        }
    }
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a duration, such as \"1.5s\", \"100ms\" or \"1h2m\"", self.0)
    }
}

impl std::error::Error for DurationError {}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Duration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"1.5s\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration" })
    }
}

/// Reads one number with its unit: the nanoseconds, and the text that follows.
fn part(text: &str) -> Option<(i128, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (name, unit) = UNITS.into_iter().find(|(name, _)| rest.starts_with(name))?;
    // Of a fraction, digits below a nanosecond are cut off; 15 keep those of an hour.
    let kept = &fraction[..fraction.len().min(15)];
    let mut nanos = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok().map(i128::from)? };
    nanos *= i128::from(unit);
    if !kept.is_empty() {
        let scale = 10_i128.pow(u32::try_from(kept.len()).ok()?);
        nanos += kept.parse::<i128>().ok()? * i128::from(unit) / scale;
    }
    Some((nanos, &rest[name.len()..]))
}

#[cfg(test)]
mod tests;
