//! What a route does with requests.

use super::matching;
use crate::StringMatch;
use crate::decode::Path;
use crate::networking::virtual_service::{
    CorsPolicy, DirectResponse, Fault, FaultAbort, FaultDelay, Percent, Redirect, Retry, Rewrite,
};
use crate::validate::report::{Report, quote};
use crate::validate::{header, port, regex, text, time};

const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];

const GRPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The conditions on which Envoy tries again, over HTTP and over gRPC.
const RETRY_ON: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// Largest body of a fixed response, and the size from which it is a burden.
const LARGEST_BODY: usize = 1 << 20;
const LARGE_BODY: usize = 100 << 10;

/// Checks a share of requests in per cent.
pub(super) fn share(value: f64) -> Result<(), String> {
    if (0.0..=100.0).contains(&value) { Ok(()) } else { Err(format!("{value} is not from 0 to 100 per cent")) }
}

/// Checks delays and errors on purpose.
pub(super) fn fault(fault: &Fault, at: &Path<'_>, out: &mut Report) {
    if fault.delay.is_none() && fault.abort.is_none() {
        out.refuse(at, "one of delay and abort is required");
    }
    if let Some(delay) = &fault.delay {
        fault_delay(delay, &at.field("delay"), out);
    }
    if let Some(abort) = &fault.abort {
        fault_abort(abort, &at.field("abort"), out);
    }
}

/// Checks the rules about pages of other sites.
pub(super) fn cors(policy: &CorsPolicy, at: &Path<'_>, out: &mut Report) {
    for (index, origin) in policy.allow_origins.iter().enumerate() {
        let at = at.field("allowOrigins");
        let at = at.index(index);
        let is_empty = match origin {
            StringMatch::Unset => true,
            StringMatch::Exact(text) | StringMatch::Prefix(text) | StringMatch::Regex(text) => text.is_empty(),
        };
        if is_empty {
            out.refuse(&at, "one of exact, prefix and regex is required, and not empty");
        }
        matching::text(origin, &at, out);
    }
    for (index, method) in policy.allow_methods.iter().enumerate() {
        if !METHODS.contains(&method.as_str()) {
            out.refuse(&at.field("allowMethods").index(index), format_args!("{} is not an HTTP method", quote(method)));
        }
    }
    for (field, names) in [("allowHeaders", &policy.allow_headers), ("exposeHeaders", &policy.expose_headers)] {
        for (index, name) in names.iter().enumerate() {
            if !header::is_token(name) {
                out.refuse(&at.field(field).index(index), format_args!("{} is not a header's name", quote(name)));
            }
        }
    }
    let Some(age) = policy.max_age else { return };
    out.need(&at.field("maxAge"), time::positive(Some(age)));
    if age.nanos() % 1_000_000_000 != 0 {
        out.refuse(&at.field("maxAge"), "is given in whole seconds only");
    }
}

/// Checks a redirect.
pub(super) fn redirect(redirect: &Redirect, at: &Path<'_>, out: &mut Report) {
    let texts = [&redirect.uri, &redirect.authority, &redirect.scheme, &redirect.prefix_rewrite];
    let has_port = redirect.port.is_some() || redirect.derive_port.is_some();
    if texts.into_iter().all(String::is_empty) && !has_port {
        out.refuse(at, "one of uri, authority, scheme, port and prefixRewrite is required");
    }
    if !redirect.uri.is_empty() && !redirect.prefix_rewrite.is_empty() {
        out.refuse(&at.field("prefixRewrite"), "excludes uri");
    }
    if redirect.redirect_code != 0 && !(300..=399).contains(&redirect.redirect_code) {
        let reason = format_args!("{} is not a status of redirects, from 300 to 399", redirect.redirect_code);
        out.refuse(&at.field("redirectCode"), reason);
    }
    for (name, text) in
        [("uri", &redirect.uri), ("authority", &redirect.authority), ("prefixRewrite", &redirect.prefix_rewrite)]
    {
        out.need(&at.field(name), text::one_line(text));
    }
    if !["", "http", "https"].contains(&redirect.scheme.as_str()) {
        out.refuse(&at.field("scheme"), format_args!("{} is neither http nor https", quote(&redirect.scheme)));
    }
    if let Some(number) = redirect.port {
        out.need(&at.field("port"), port::number(number));
    }
}

/// Checks a fixed response.
pub(super) fn direct_response(response: &DirectResponse, at: &Path<'_>, out: &mut Report) {
    status(i64::from(response.status), &at.field("status"), out);
    let Some(body) = &response.body else { return };
    let size = body.string.as_ref().or(body.bytes.as_ref()).map_or(0, String::len);
    let size = if body.bytes.is_some() { size / 4 * 3 } else { size };
    if size > LARGEST_BODY {
        out.refuse(&at.field("body"), format_args!("{size} bytes are more than {LARGEST_BODY}"));
    } else if size > LARGE_BODY {
        out.warn(&at.field("body"), format_args!("{size} bytes go to every proxy; consider less than {LARGE_BODY}"));
    }
    if let Some(bytes) = &body.bytes {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
        if !bytes.bytes().all(is_base64) {
            out.refuse(&at.field("body").field("bytes"), "is not base64");
        }
    }
}

/// Checks when requests are tried again.
pub(super) fn retries(retries: &Retry, at: &Path<'_>, out: &mut Report) {
    if retries.attempts < 0 {
        out.refuse(&at.field("attempts"), format_args!("{} is negative", retries.attempts));
    }
    let is_set =
        retries.per_try_timeout.is_some() || !retries.retry_on.is_empty() || retries.retry_remote_localities.is_some();
    if retries.attempts == 0 && is_set {
        out.refuse(&at.field("attempts"), "0 turns retries off, so nothing else may be set");
    }
    out.need(&at.field("perTryTimeout"), time::positive(retries.per_try_timeout));
    out.need(&at.field("backoff"), time::positive(retries.backoff));
    if retries.retry_on.is_empty() {
        return;
    }
    for condition in retries.retry_on.split(',').map(str::trim) {
        let is_status = condition.parse().is_ok_and(|status: u16| (100..=599).contains(&status));
        if !is_status && !RETRY_ON.contains(&condition) {
            let reason = format_args!("{} is neither a condition that Envoy knows nor a status", quote(condition));
            out.refuse(&at.field("retryOn"), reason);
        }
    }
}

/// Checks the change of a path or host.
pub(super) fn rewrite(rewrite: &Rewrite, at: &Path<'_>, out: &mut Report) {
    if !rewrite.uri.is_empty() && rewrite.uri_regex_rewrite.is_some() {
        out.refuse(&at.field("uriRegexRewrite"), "excludes uri");
    }
    if rewrite.uri.is_empty() && rewrite.authority.is_empty() && rewrite.uri_regex_rewrite.is_none() {
        out.refuse(at, "one of uri, uriRegexRewrite and authority is required");
    }
    out.need(&at.field("uri"), text::one_line(&rewrite.uri));
    out.need(&at.field("authority"), text::one_line(&rewrite.authority));
    let Some(change) = &rewrite.uri_regex_rewrite else { return };
    let at = at.field("uriRegexRewrite");
    if change.pattern.is_empty() || change.rewrite.is_empty() {
        out.refuse(&at, "both match and rewrite are required");
    }
    out.need(&at.field("match"), regex::check(&change.pattern));
    out.need(&at.field("rewrite"), text::one_line(&change.rewrite));
}

fn fault_delay(delay: &FaultDelay, at: &Path<'_>, out: &mut Report) {
    match delay.percentage {
        Some(percentage) => fine_share(percentage, &at.field("percentage").field("value"), out),
        None if delay.percent != 0 => {
            out.warn(&at.field("percent"), "is deprecated; use percentage");
            out.need(&at.field("percent"), share(f64::from(delay.percent)));
        }
        None => {}
    }
    out.need(&at.field("fixedDelay"), time::positive(delay.fixed_delay));
    if delay.exponential_delay.is_some() {
        out.refuse(&at.field("exponentialDelay"), "is not supported");
    }
    if delay.fixed_delay.is_none() && delay.exponential_delay.is_none() {
        out.warn(at, "has no effect without fixedDelay");
    }
}

fn fault_abort(abort: &FaultAbort, at: &Path<'_>, out: &mut Report) {
    if let Some(percentage) = abort.percentage {
        fine_share(percentage, &at.field("percentage").field("value"), out);
    }
    if let Some(number) = abort.http_status {
        status(i64::from(number), &at.field("httpStatus"), out);
    }
    if let Some(name) = abort.grpc_status.as_deref().filter(|name| !GRPC_STATUSES.contains(name)) {
        out.refuse(&at.field("grpcStatus"), format_args!("{} is not a status of gRPC", quote(name)));
    }
    if abort.http2_error.is_some() {
        out.refuse(&at.field("http2Error"), "is not supported");
    }
}

/// Envoy counts in parts of a million: a smaller share would be none.
fn fine_share(percentage: Percent, at: &Path<'_>, out: &mut Report) {
    out.need(at, share(percentage.value));
    if percentage.value > 0.0 && percentage.value < 0.0001 {
        out.refuse(at, format_args!("{} is neither 0 nor at least 0.0001", percentage.value));
    }
}

fn status(status: i64, at: &Path<'_>, out: &mut Report) {
    if !(200..=599).contains(&status) {
        out.refuse(at, format_args!("{status} is not a status from 200 to 599"));
    }
}
