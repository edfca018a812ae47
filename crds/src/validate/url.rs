//! Addresses of things that are fetched.

use super::report::quote;

/// The scheme of a URL, in lower case; empty if it has none.
///
/// # Errors
/// Why the text is not a URL.
pub(super) fn scheme(url: &str) -> Result<String, String> {
    if url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(format!("{} is not a URL: it holds a space or a control character", quote(url)));
    }
    if !has_whole_escapes(url) {
        return Err(format!("{} is not a URL: a % stands without two hexadecimal digits", quote(url)));
    }
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        Some((head, _)) if !head.contains(['/', '?', '#']) => {
            return Err(format!("{} is not a URL: a : stands in its first part", quote(url)));
        }
        _ => (String::new(), url),
    };
    if let Some(authority) = rest.strip_prefix("//") {
        check_authority(authority, url)?;
    }
    Ok(scheme)
}

/// Checks the URL of an issuer's keys: `http` or `https`, with a host.
pub(super) fn keys(url: &str) -> Result<(), String> {
    let scheme = scheme(url)?;
    if scheme != "http" && scheme != "https" {
        return Err(format!("the scheme {} of {} is neither http nor https", quote(&scheme), quote(url)));
    }
    match url.split_once("://") {
        Some((_, rest)) if !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']) => Ok(()),
        _ => Err(format!("{} names no host", quote(url))),
    }
}

fn check_authority(rest: &str, url: &str) -> Result<(), String> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let after = match host.strip_prefix('[') {
        Some(literal) => {
            let Some((_, after)) = literal.split_once(']') else {
                return Err(format!("{} is not a URL: a [ is not closed", quote(url)));
            };
            after
        }
        None => host.find(':').map_or("", |colon| &host[colon..]),
    };
    let is_port = after.is_empty() || after.strip_prefix(':').is_some_and(is_number);
    if is_port { Ok(()) } else { Err(format!("{} is not a URL: its port is not a number", quote(url))) }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn has_whole_escapes(url: &str) -> bool {
    let bytes = url.as_bytes();
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| is_hex(at + 1) && is_hex(at + 2))
}
