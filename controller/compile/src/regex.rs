//! RE2's rules for patterns, which are not those of Rust's crate: Envoy rejects a whole response for one bad pattern.

/// Longest pattern that is compiled, in characters; Envoy's own limit is the size of the program.
const LONGEST: usize = 1024;

/// Says why RE2 would refuse a pattern.
///
/// # Errors
/// A sentence without the pattern.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    if pattern.len() > LONGEST {
        return Err(format!("it has {} characters, {LONGEST} are allowed", pattern.len()));
    }
    if pattern == "*" {
        // Istio's word for "anything", treated as such before it reaches Envoy.
        return Ok(());
    }
    refused_by_re2(pattern)?;
    let mut parser = regex_syntax::ParserBuilder::new().nest_limit(100).build();
    parser.parse(pattern).map(|_| ()).map_err(|error| kind(&error))
}

fn kind(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "it does not parse".into(),
    }
}

/// What Rust's syntax takes and RE2 does not.
fn refused_by_re2(pattern: &str) -> Result<(), String> {
    let mut class = 0u32;
    let mut chars = pattern.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' if class > 0 && pattern[at..].starts_with("[:") => {}
            '[' => class += 1,
            ']' => class = class.saturating_sub(1),
            '&' | '-' | '~' if class > 0 && pattern[at + 1..].starts_with(c) && c != '-' => {
                return Err("character classes cannot be intersected".into());
            }
            '{' if class == 0 => repetition(&pattern[at..])?,
            _ => {}
        }
    }
    Ok(())
}

/// RE2 allows 1,000 repetitions at most.
fn repetition(rest: &str) -> Result<(), String> {
    let inside = rest[1..].split('}').next().unwrap_or_default();
    let bounds = inside.split(',').filter_map(|n| n.trim().parse::<u64>().ok());
    match bounds.max() {
        Some(most) if most > 1000 => Err(format!("{most} repetitions, 1000 are allowed")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn re2_takes_these() {
        for good in ["/a.*", "^x{2,1000}$", "[a-z]+", "(?i)foo", "a|b", "\\d+", "*"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn re2_refuses_these() {
        for bad in ["[", "a{1001}", "(?=x)", "[a&&b]", "(a", "\\1", &"a".repeat(2000)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
