//! Spans of time as operators write them: `24h`, `1h30m`, `500ms`.

use std::time::Duration;

/// Reads a span in the form that istiod's flags and variables have (`h`, `m`, `s`, `ms`), without sign or fraction.
///
/// # Errors
/// Says what is wrong with the text.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(format!("`{text}` lacks a unit"))?;
        let (number, tail) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| format!("`{text}` is no span of time such as 1h30m"))?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        let part = match unit {
            "h" => number.checked_mul(3600).map(Duration::from_secs),
            "m" => number.checked_mul(60).map(Duration::from_secs),
            "s" => Some(Duration::from_secs(number)),
            "ms" => Some(Duration::from_millis(number)),
            _ => return Err(format!("`{unit}` is no unit of time")),
        };
        total = part.and_then(|part| total.checked_add(part)).ok_or(format!("`{text}` is too long"))?;
        rest = next;
    }
    if text.is_empty() { Err("a duration must not be empty".into()) } else { Ok(total) }
}
