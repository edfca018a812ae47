//! Names and values of HTTP headers.

use super::report::{Report, quote};
use super::{format, text};
use crate::decode::Path;
use crate::networking::virtual_service::{HeaderOperations, Headers, Rewrite};

/// What a header's name begins with when it stands for a claim of a token.
pub(super) const CLAIM: &str = "@request.auth.claims";

/// Checks the name of a header that is matched, which may stand for a claim.
pub(super) fn matched(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a header's name must not be empty".to_owned());
    }
    if is_claim(name) || is_token(name.strip_prefix(':').unwrap_or(name)) {
        return Ok(());
    }
    Err(format!("{} is not a header's name", quote(name)))
}

/// Whether a header's name stands for a claim of a token.
pub(super) fn is_claim(name: &str) -> bool {
    let Some(rest) = strip_prefix_ignoring_case(name, CLAIM) else { return false };
    rest.strip_prefix('.').is_some_and(|claims| !claims.is_empty() && claims.split('.').all(|claim| !claim.is_empty()))
        || rest.starts_with('[') && rest.ends_with(']') && rest.len() > 2
}

/// Checks the name of a header that is sent on: letters, digits, `-` and `_`.
pub(super) fn strict(name: &str) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(format!("{} is not a header's name: use letters, digits, - and _", quote(name)))
}

/// Checks the changes of headers of a route.
pub(super) fn operations(headers: Option<&Headers>, at: &Path<'_>, out: &mut Report) {
    let Some(headers) = headers else { return };
    if let Some(request) = &headers.request {
        changes(request, Side::Request, &at.field("request"), out);
    }
    if let Some(response) = &headers.response {
        changes(response, Side::Response, &at.field("response"), out);
    }
}

fn changes(operations: &HeaderOperations, side: Side, at: &Path<'_>, out: &mut Report) {
    for (place, headers) in [("set", &operations.set), ("add", &operations.add)] {
        for (name, value) in headers {
            out.need(&at.field(place).field(name), change(side, name, value));
        }
    }
    for (index, name) in operations.remove.iter().enumerate() {
        out.need(&at.field("remove").index(index), removal(name));
    }
}

/// Checks that the host header gets one new value at most.
pub(super) fn authority(rewrite: Option<&Rewrite>, headers: Option<&Headers>, at: &Path<'_>, out: &mut Report) {
    let Some(request) = headers.and_then(|headers| headers.request.as_ref()) else { return };
    let mut current = rewrite.map(|rewrite| rewrite.authority.as_str()).filter(|authority| !authority.is_empty());
    let places = [("set", &request.set), ("add", &request.add)];
    for (name, value) in places.into_iter().flat_map(|(place, map)| map.iter().map(move |entry| (place, entry))) {
        let (header, text) = value;
        if !is_authority(header) {
            continue;
        }
        if let Some(current) = current {
            let reason = format_args!("the host is changed twice, to {} and to {}", quote(current), quote(text));
            out.refuse(&at.field("headers").field("request").field(name).field(header), reason);
        }
        current = Some(text);
    }
}

/// Whose headers are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those of a request.
    Request,
    /// Those of a response.
    Response,
}

/// Most bytes of the name or the value of a header that Envoy takes.
const LONGEST: usize = 16_384;

/// Checks a header that is set or added: its name, and its value, which is a format string. A new host of a request is
/// plain text.
///
/// # Errors
/// What Envoy would refuse, and why.
pub fn change(side: Side, name: &str, value: &str) -> Result<(), String> {
    if side == Side::Request && is_authority(name) {
        return header_value(value);
    }
    removal(name)?;
    header_value(value)?;
    format::check(value)
}

/// Checks the name of a header that is removed.
///
/// # Errors
/// What Envoy would refuse, and why.
pub fn removal(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a header's name must not be empty".to_owned());
    }
    if name.eq_ignore_ascii_case("host") {
        return Err("the header Host cannot be changed here".to_owned());
    }
    if name.starts_with(':') {
        return Err(format!("{} is one of HTTP/2's own headers, which cannot be changed here", quote(name)));
    }
    name_sent(name)
}

/// Checks the name of a header that Envoy reads or sends.
///
/// # Errors
/// That it is none.
pub fn name_sent(name: &str) -> Result<(), String> {
    if is_token(name.strip_prefix(':').unwrap_or(name)) && name.len() <= LONGEST {
        return Ok(());
    }
    Err(format!("{} is not a header's name", quote(name)))
}

/// Checks the name of a cookie or of an attribute of one.
///
/// # Errors
/// That it is empty, too long, or holds control characters.
pub fn cookie_name(name: &str) -> Result<(), String> {
    if name.is_empty() { Err("is required".to_owned()) } else { cookie_text(name) }
}

/// Checks the path of a cookie, or the value of an attribute of one.
///
/// # Errors
/// That it is too long, or holds control characters.
pub fn cookie_text(text: &str) -> Result<(), String> {
    text::line(text, LONGEST)
}

fn header_value(value: &str) -> Result<(), String> {
    text::line(value, LONGEST).map_err(|reason| format!("a header's value {reason}"))
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}

/// Whether `name` is a token of RFC 9110.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}
