//! What a rule does besides forwarding.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use heddle_crds::{
    networking::virtual_service as written,
    validate::{
        header::{self, Side},
        text::one_line,
    },
};
use heddle_model::{
    Text,
    route::{
        Abort, Body, Cors, DirectResponse, Fault, HeaderChanges, HeaderOps, Mirror, Percent, Redirect, RedirectPort,
        Retries, Rewrite,
    },
};

use super::{IngestContext, route};
use crate::ingest::{Report, scalar, tls::texts};

/// gRPC's status codes by number.
const GRPC: [&str; 17] = [
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

/// Largest body of a fixed answer that Envoy takes from us.
const LARGEST_BODY: usize = 1 << 20;

/// All of the requests.
const ALL: Percent = Percent(1_000_000);

/// Rewriting of path and authority.
pub(super) fn rewrite(written: &written::Rewrite, field: &str, report: &mut Report) -> Option<Rewrite> {
    let regex = written.uri_regex_rewrite.as_ref().and_then(|r| {
        scalar::regex(&r.pattern, &format!("{field}.uriRegexRewrite.match"), report).ok()?;
        let place = format!("{field}.uriRegexRewrite.rewrite");
        scalar::text(&r.rewrite, one_line, (&place, "the path stays"), report).ok()?;
        Some((r.pattern.as_str().into(), r.rewrite.as_str().into()))
    });
    let mut line = |text: &str, name: &str, instead: &str| {
        scalar::text(text, one_line, (&format!("{field}.{name}"), instead), report).ok().and_then(|()| some(text))
    };
    let mut uri = line(&written.uri, "uri", "the path stays");
    let authority = line(&written.authority, "authority", "the host stays");
    if regex.is_some() && uri.is_some() {
        report.error(format!("{field}.uri"), "Exclusive", "uri has no effect beside uriRegexRewrite");
        uri = None;
    }
    let rewrite = Rewrite { uri, authority, regex };
    (rewrite != Rewrite::default()).then_some(rewrite)
}

/// A redirect; nothing when it would lead to a place that Envoy refuses.
pub(super) fn redirect(written: &written::Redirect, field: &str, report: &mut Report) -> Option<Redirect> {
    for (name, text) in
        [("uri", &written.uri), ("prefixRewrite", &written.prefix_rewrite), ("authority", &written.authority)]
    {
        scalar::text(text, one_line, (&format!("{field}.{name}"), "the rule is ignored"), report).ok()?;
    }
    let port = match (written.port, written.derive_port) {
        (Some(port), _) => {
            scalar::port(port, &format!("{field}.port"), report).map_or(RedirectPort::Keep, RedirectPort::Number)
        }
        (None, Some(written::RedirectPort::FromProtocolDefault)) => RedirectPort::ProtocolDefault,
        (None, Some(written::RedirectPort::FromRequestPort)) => RedirectPort::Request,
        (None, None) => RedirectPort::Keep,
    };
    let code = match written.redirect_code {
        0 => 301,
        code @ (301 | 302 | 303 | 307 | 308) => u16::try_from(code).unwrap_or(301),
        code => {
            let message = format!("{code} is none of 301, 302, 303, 307 and 308; 301 is taken");
            report.error(format!("{field}.redirectCode"), "BadStatus", message);
            301
        }
    };
    if !written.uri.is_empty() && !written.prefix_rewrite.is_empty() {
        report.error(format!("{field}.prefixRewrite"), "Exclusive", "prefixRewrite has no effect beside uri");
    }
    Some(Redirect {
        uri: some(&written.uri),
        prefix: some(&written.prefix_rewrite).filter(|_| written.uri.is_empty()),
        authority: some(&written.authority),
        scheme: some(&written.scheme),
        port,
        code,
    })
}

/// A fixed answer; nothing when its status is none.
pub(super) fn respond(written: &written::DirectResponse, field: &str, report: &mut Report) -> Option<DirectResponse> {
    let status = u16::try_from(written.status).ok().filter(|s| (200..600).contains(s));
    let Some(status) = status else {
        let message = format!("{} is not from 200 to 599; the rule is ignored", written.status);
        report.error(format!("{field}.status"), "BadStatus", message);
        return None;
    };
    let body = written.body.as_ref().and_then(|body| match (&body.string, &body.bytes) {
        (Some(text), _) => Some(Body::Text(text.as_str().into())),
        (None, Some(bytes)) => match STANDARD.decode(bytes) {
            Ok(bytes) => Some(Body::Bytes(bytes.into())),
            Err(error) => {
                report.error(format!("{field}.body.bytes"), "BadBase64", format!("{error}; the body is left out"));
                None
            }
        },
        (None, None) => None,
    });
    let size = body.as_ref().map_or(0, |body| match body {
        Body::Text(text) => text.len(),
        Body::Bytes(bytes) => bytes.len(),
    });
    if size > LARGEST_BODY {
        let message = format!("{size} bytes are more than {LARGEST_BODY}; the body is left out");
        report.error(format!("{field}.body"), "BadBody", message);
        return Some(DirectResponse { status, body: None });
    }
    Some(DirectResponse { status, body })
}

/// Retries.
pub(super) fn retries(written: &written::Retry, field: &str, report: &mut Report) -> Retries {
    let attempts = u32::try_from(written.attempts).unwrap_or_else(|_| {
        report.error(format!("{field}.attempts"), "BadNumber", "it is negative; 0 is taken");
        0
    });
    Retries {
        attempts,
        per_try_timeout: scalar::positive(written.per_try_timeout, &format!("{field}.perTryTimeout"), report),
        on: scalar::text(&written.retry_on, one_line, (&format!("{field}.retryOn"), "the default is taken"), report)
            .map_or_else(|_| Text::default(), |()| written.retry_on.as_str().into()),
        remote_localities: written.retry_remote_localities,
        ignore_previous_hosts: written.retry_ignore_previous_hosts,
        backoff: scalar::positive(written.backoff, &format!("{field}.backoff"), report),
    }
}

/// Faults.
pub(super) fn fault(written: &written::Fault, field: &str, report: &mut Report) -> Option<Fault> {
    let delay = written.delay.as_ref().and_then(|delay| {
        let field = format!("{field}.delay");
        if delay.exponential_delay.is_some() {
            report.not_supported(format!("{field}.exponentialDelay"));
        }
        let length = scalar::positive(delay.fixed_delay, &format!("{field}.fixedDelay"), report)?;
        let whole = f64::from(delay.percent);
        if delay.percent != 0 {
            report.warning(format!("{field}.percent"), "Deprecated", "say percentage.value");
        }
        let share = delay.percentage.map_or(whole, |p| p.value);
        Some((length, scalar::percent(share, &format!("{field}.percentage.value"), report)))
    });
    let abort = written.abort.as_ref().and_then(|abort| {
        let field = format!("{field}.abort");
        let status = abort_status(abort, &field, report)?;
        let share = abort.percentage.map_or(0.0, |p| p.value);
        Some((status, scalar::percent(share, &format!("{field}.percentage.value"), report)))
    });
    (delay.is_some() || abort.is_some()).then_some(Fault { delay, abort })
}

/// Copies of requests.
pub(super) fn mirrors(
    written: &written::HttpRoute,
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Vec<Mirror> {
    let mut found = Vec::new();
    if let Some(mirror) = &written.mirror {
        if let Some(percent) = written.mirror_percent {
            report.warning(format!("{field}.mirrorPercent"), "Deprecated", format!("say mirrorPercentage: {percent}"));
        }
        let share = match (written.mirror_percentage, written.mirror_percent) {
            (Some(share), _) => scalar::percent(share.value, &format!("{field}.mirrorPercentage.value"), report),
            (None, Some(whole)) => scalar::percent(f64::from(whole), &format!("{field}.mirrorPercent"), report),
            (None, None) => ALL,
        };
        let destination = route::destination(Some(mirror), &format!("{field}.mirror"), scope, report);
        found.extend(destination.map(|destination| Mirror { destination, share }));
    }
    for (index, mirror) in written.mirrors.iter().enumerate() {
        let field = format!("{field}.mirrors[{index}]");
        let place = format!("{field}.percentage.value");
        let share = mirror.percentage.map_or(ALL, |p| scalar::percent(p.value, &place, report));
        let destination =
            route::destination(mirror.destination.as_ref(), &format!("{field}.destination"), scope, report);
        found.extend(destination.map(|destination| Mirror { destination, share }));
    }
    found.retain(|mirror| mirror.share.0 > 0);
    found
}

/// CORS.
pub(super) fn cors(written: &written::CorsPolicy, field: &str, report: &mut Report) -> Cors {
    let mut allow_origins = Vec::new();
    for (index, origin) in written.allow_origins.iter().enumerate() {
        let found = scalar::string_match(origin, &format!("{field}.allowOrigins[{index}]"), report);
        allow_origins.extend(found.ok().flatten());
    }
    if !written.allow_origin.is_empty() {
        report.warning(format!("{field}.allowOrigin"), "Deprecated", "say allowOrigins");
        if written.allow_origins.is_empty() {
            let exact = |origin: &String| heddle_model::route::StringMatch::Exact(origin.as_str().into());
            allow_origins.extend(written.allow_origin.iter().map(exact));
        }
    }
    Cors {
        allow_origins,
        allow_methods: texts(&written.allow_methods),
        allow_headers: texts(&written.allow_headers),
        expose_headers: texts(&written.expose_headers),
        max_age: scalar::duration(written.max_age, &format!("{field}.maxAge"), report),
        allow_credentials: written.allow_credentials,
        forward_unmatched_preflights: match written.unmatched_preflights {
            written::UnmatchedPreflights::Unspecified => None,
            written::UnmatchedPreflights::Forward => Some(true),
            written::UnmatchedPreflights::Ignore => Some(false),
        },
    }
}

/// Changes of headers. One that Envoy refuses is left out.
pub(super) fn headers(written: Option<&written::Headers>, field: &str, report: &mut Report) -> HeaderChanges {
    let Some(written) = written else { return HeaderChanges::default() };
    let mut operations = |ops: Option<&written::HeaderOperations>, side: Side, name: &str| {
        ops.map(|ops| header_ops(ops, side, &format!("{field}.{name}"), report)).unwrap_or_default()
    };
    HeaderChanges {
        request: operations(written.request.as_ref(), Side::Request, "request"),
        response: operations(written.response.as_ref(), Side::Response, "response"),
    }
}

fn header_ops(ops: &written::HeaderOperations, side: Side, field: &str, report: &mut Report) -> HeaderOps {
    let instead = "the header stays as it is";
    let mut pairs = |map: &BTreeMap<String, String>, place: &str| {
        let mut found = BTreeMap::new();
        for (name, value) in map {
            let place = format!("{field}.{place}[{name:?}]");
            let checked = scalar::text(value, |value| header::change(side, name, value), (&place, instead), report);
            found.extend(checked.ok().map(|()| (Text::from(name.as_str()), Text::from(value.as_str()))));
        }
        found
    };
    let (set, add) = (pairs(&ops.set, "set"), pairs(&ops.add, "add"));
    let mut remove = Vec::with_capacity(ops.remove.len());
    for (index, name) in ops.remove.iter().enumerate() {
        let place = format!("{field}.remove[{index}]");
        let checked = scalar::text(name, header::removal, (&place, instead), report);
        remove.extend(checked.ok().map(|()| Text::from(name.as_str())));
    }
    HeaderOps { set, add, remove }
}

fn abort_status(abort: &written::FaultAbort, field: &str, report: &mut Report) -> Option<Abort> {
    let found = match abort.status() {
        Some(written::AbortStatus::Http(status)) => {
            u16::try_from(status).ok().filter(|s| (200..600).contains(s)).map(Abort::Http)
        }
        Some(written::AbortStatus::Grpc(name)) => {
            GRPC.iter().position(|n| *n == name).and_then(|i| u32::try_from(i).ok()).map(Abort::Grpc)
        }
        Some(written::AbortStatus::Http2(_)) => {
            report.not_supported(format!("{field}.http2Error"));
            return None;
        }
        None => None,
    };
    if found.is_none() {
        let message = "it needs an httpStatus from 200 to 599 or the name of a grpcStatus; the abort is ignored";
        report.error(field, "BadStatus", message);
    }
    found
}

fn some(text: &str) -> Option<Text> {
    (!text.is_empty()).then(|| text.into())
}
