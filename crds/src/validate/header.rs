//! Names and values of HTTP headers.

use super::report::{Report, quote};
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

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Request,
    Response,
}

fn changes(operations: &HeaderOperations, side: Side, at: &Path<'_>, out: &mut Report) {
    for (place, headers) in [("set", &operations.set), ("add", &operations.add)] {
        for (name, value) in headers {
            let field = at.field(place);
            let field = field.field(name);
            if !(side == Side::Request && is_authority(name)) {
                out.need(&field, changed(name));
            }
            out.need(&field, header_value(value));
        }
    }
    for (index, name) in operations.remove.iter().enumerate() {
        out.need(&at.field("remove").index(index), changed(name));
    }
}

fn changed(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a header's name must not be empty".to_owned());
    }
    if name.eq_ignore_ascii_case("host") {
        return Err("the header Host cannot be changed here".to_owned());
    }
    if name.starts_with(':') {
        return Err(format!("{} is one of HTTP/2's own headers, which cannot be changed here", quote(name)));
    }
    if is_token(name) { Ok(()) } else { Err(format!("{} is not a header's name", quote(name))) }
}

fn header_value(value: &str) -> Result<(), String> {
    if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
        return Err("a header's value must not hold control characters".to_owned());
    }
    // Envoy reads %NAME% as a variable, and refuses a listener with a single %.
    if value.bytes().filter(|byte| *byte == b'%').count() % 2 == 1 {
        return Err(format!("in {} a % is not closed; write %% for the character", quote(value)));
    }
    Ok(())
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
