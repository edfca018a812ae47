//! Texts that Envoy takes as parts of requests and responses.

/// Checks that a text is one line of at most so many bytes: Envoy refuses NUL and line breaks, and other control
/// characters belong into no such text.
///
/// # Errors
/// Which of the two it breaks.
pub fn line(text: &str, longest: usize) -> Result<(), String> {
    if text.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
        return Err("must not hold control characters".to_owned());
    }
    if text.len() > longest {
        return Err(format!("is {} bytes long, more than {longest}", text.len()));
    }
    Ok(())
}

/// Checks that a text is one line of any length.
///
/// # Errors
/// That it holds control characters.
pub fn one_line(text: &str) -> Result<(), String> {
    line(text, usize::MAX)
}
