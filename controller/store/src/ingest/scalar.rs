//! Numbers, durations, shares and patterns, checked once.

use std::{num::NonZeroU16, time::Duration};

use heddle_crds::{Duration as Written, StringMatch as WrittenMatch, networking::port::PortSelector};
use heddle_model::route::{Percent, StringMatch};

use super::Report;

/// The shortest duration that Envoy keeps.
const SHORTEST: Duration = Duration::from_millis(1);

/// A port that must be there.
pub(super) fn port(number: u32, field: &str, report: &mut Report) -> Option<u16> {
    let port = u16::try_from(number).ok().and_then(NonZeroU16::new).map(NonZeroU16::get);
    if port.is_none() {
        report.error(field, "BadPort", format!("{number} is not a port from 1 to 65535"));
    }
    port
}

/// A port of which 0 means that none is said.
pub(super) fn optional_port(number: u32, field: &str, report: &mut Report) -> Result<Option<u16>, Refused> {
    if number == 0 { Ok(None) } else { port(number, field, report).map(Some).ok_or(Refused) }
}

/// The port that a destination selects; none selects the only one.
pub(super) fn selected_port(
    port: Option<&PortSelector>,
    field: &str,
    report: &mut Report,
) -> Result<Option<u16>, Refused> {
    let Some(port) = port else { return Ok(None) };
    self::port(port.number, &format!("{field}.port.number"), report).map(Some).ok_or(Refused)
}

/// A duration of zero or more.
pub(super) fn duration(written: Option<Written>, field: &str, report: &mut Report) -> Option<Duration> {
    let written = written?;
    let found = written.to_std();
    if found.is_none() {
        report.error(field, "BadDuration", format!("{written} is negative; the field is ignored"));
    }
    found
}

/// A duration of at least a millisecond.
pub(super) fn positive(written: Option<Written>, field: &str, report: &mut Report) -> Option<Duration> {
    let found = duration(written, field, report)?;
    if found < SHORTEST {
        report.error(field, "BadDuration", "it is shorter than 1ms; the field is ignored");
        return None;
    }
    Some(found)
}

/// A limit, of which 0 means that none is said.
pub(super) fn limit(number: i32, field: &str, report: &mut Report) -> Option<u32> {
    match u32::try_from(number) {
        Ok(0) => None,
        Ok(limit) => Some(limit),
        Err(_) => {
            report.error(field, "BadNumber", format!("{number} is negative; the field is ignored"));
            None
        }
    }
}

/// A share in per cent, cut to 0 to 100.
pub(super) fn percent(value: f64, field: &str, report: &mut Report) -> Percent {
    if !(0.0..=100.0).contains(&value) {
        report.error(field, "BadPercent", format!("{value} is not from 0 to 100; the nearest is taken"));
    }
    let millionths = (value.clamp(0.0, 100.0) * 10_000.0).round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to a million")]
    Percent(if millionths.is_finite() { millionths as u32 } else { 0 })
}

/// A comparison. `Ok(None)` when nothing is said; nothing when its pattern is bad.
pub(super) fn string_match(
    written: &WrittenMatch,
    field: &str,
    report: &mut Report,
) -> Result<Option<StringMatch>, Refused> {
    Ok(match written {
        WrittenMatch::Unset => None,
        WrittenMatch::Exact(text) => Some(StringMatch::Exact(text.as_str().into())),
        WrittenMatch::Prefix(text) => Some(StringMatch::Prefix(text.as_str().into())),
        WrittenMatch::Regex(text) => {
            regex(text, &format!("{field}.regex"), report)?;
            Some(StringMatch::Regex(text.as_str().into()))
        }
    })
}

/// Checks a text by a rule of Envoy. `instead` says what is done where it breaks the rule.
pub(super) fn text(
    text: &str,
    check: impl Fn(&str) -> Result<(), String>,
    (field, instead): (&str, &str),
    report: &mut Report,
) -> Result<(), Refused> {
    check(text).map_err(|reason| {
        report.error(field, "BadText", format!("{reason}; {instead}"));
        Refused
    })
}

/// A part was refused, and the report says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// Checks a pattern by RE2's rules.
pub(super) fn regex(pattern: &str, field: &str, report: &mut Report) -> Result<(), Refused> {
    let checked = match pattern {
        "" => Err("the pattern is empty".to_owned()),
        // Istio's word for anything.
        "*" => Ok(()),
        _ => heddle_crds::validate::regex::check(pattern).map_err(|error| error.to_string()),
    };
    checked.map_err(|reason| {
        report.error(field, "BadRegex", format!("{reason}; what it is part of is ignored"));
        Refused
    })
}
