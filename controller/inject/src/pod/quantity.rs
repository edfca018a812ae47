//! Quantities of resources in the one spelling that Kubernetes writes: `2000m` is `2`, `1024Mi` is `1Gi`.

use serde_json::Value;

use crate::pod::Object;

const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/// By powers of a thousand, from the smallest.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

/// The quantity as Kubernetes writes it. What is no quantity, and exponents, stay as they are.
pub(crate) fn canonical(text: &str) -> String {
    parse(text).unwrap_or_else(|| text.to_owned())
}

/// The resources of a container with all quantities in that spelling.
pub(crate) fn canonical_resources(resources: &mut Object) {
    for kind in ["limits", "requests"] {
        let Some(Value::Object(amounts)) = resources.get_mut(kind) else { continue };
        for (_, amount) in amounts.iter_mut() {
            let text = match &*amount {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            *amount = Value::String(canonical(&text));
        }
    }
}

fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || digits.len() > 24 || fraction.contains('.') {
        return None;
    }
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    let divisor = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    if number == 0 {
        return Some("0".to_owned());
    }
    if let Some(power) = BINARY.iter().position(|name| *name == suffix).filter(|power| *power > 0) {
        let bytes = number.checked_mul(1024_i128.checked_pow(u32::try_from(power).ok()?)?)?;
        return Some(write(round_up(bytes, divisor)?, 1024, &BINARY));
    }
    let power = DECIMAL.iter().position(|name| *name == suffix)?;
    let nanos = number.checked_mul(1000_i128.checked_pow(u32::try_from(power).ok()?)?)?;
    Some(write(round_up(nanos, divisor)?, 1000, &DECIMAL))
}

fn round_up(number: i128, divisor: i128) -> Option<i128> {
    Some(number.checked_add(divisor - 1)? / divisor)
}

fn write(mut number: i128, step: i128, names: &[&str]) -> String {
    let mut power = 0;
    while number % step == 0 && power + 1 < names.len() {
        number /= step;
        power += 1;
    }
    format!("{number}{}", names.get(power).unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn quantities_have_one_spelling() {
        let cases = [
            ("2000m", "2"),
            ("1024Mi", "1Gi"),
            ("1000m", "1"),
            ("100m", "100m"),
            ("0.5", "500m"),
            ("4", "4"),
            ("1.5Gi", "1536Mi"),
            ("128Mi", "128Mi"),
            ("1000", "1k"),
            ("0", "0"),
            ("0m", "0"),
            ("1e3", "1e3"),
            ("", ""),
            ("x", "x"),
            ("1.2.3", "1.2.3"),
            ("1Xi", "1Xi"),
            ("99999999999999999999E", "99999999999999999999E"),
        ];
        for (given, want) in cases {
            assert_eq!(canonical(given), want, "{given}");
        }
    }
}
