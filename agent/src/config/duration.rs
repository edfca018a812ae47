//! Durations as Go and protobuf write them: `24h0m0s`, `1.5s`, `300ms`.

use std::time::Duration;

/// Parses a duration without a sign. Returns `None` for any other text.
#[must_use]
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        for (text, milliseconds) in
            [("24h0m0s", 86_400_000), ("45s", 45_000), ("1.5s", 1_500), ("300ms", 300), ("1h30m", 5_400_000), ("0", 0)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "-5s", "5 s", "5d", "1..5s", "99999999999999999999h", "NaNs"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
