//! The commands of format strings. Each is known to Envoy 1.37 and all later versions.

use super::expression;
use crate::validate::header::is_token;
use crate::validate::report::quote;

/// Commands without parameters and length, sorted.
pub const PLAIN: [&str; 111] = [
    "ACCESS_LOG_TYPE",
    "BYTES_RECEIVED",
    "BYTES_RETRANSMITTED",
    "BYTES_SENT",
    "CONNECTION_ID",
    "CONNECTION_TERMINATION_DETAILS",
    "CUSTOM_FLAGS",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_LOCAL_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_PORT",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "DOWNSTREAM_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_HEADER_BYTES_SENT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_DNS_SAN",
    "DOWNSTREAM_LOCAL_EMAIL_SAN",
    "DOWNSTREAM_LOCAL_IP_SAN",
    "DOWNSTREAM_LOCAL_OTHERNAME_SAN",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_LOCAL_SUBJECT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256",
    "DOWNSTREAM_PEER_CHAIN_SERIALS",
    "DOWNSTREAM_PEER_DNS_SAN",
    "DOWNSTREAM_PEER_EMAIL_SAN",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_IP_SAN",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_OTHERNAME_SAN",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_REMOTE_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_SESSION_ID",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DOWNSTREAM_WIRE_BYTES_RECEIVED",
    "DOWNSTREAM_WIRE_BYTES_SENT",
    "DURATION",
    "FILTER_CHAIN_NAME",
    "GRPC_STATUS_NUMBER",
    "HOSTNAME",
    "LOCAL_REPLY_BODY",
    "PROTOCOL",
    "REQUEST_DURATION",
    "REQUEST_HEADERS_BYTES",
    "REQUEST_TX_DURATION",
    "RESPONSE_CODE",
    "RESPONSE_DURATION",
    "RESPONSE_FLAGS",
    "RESPONSE_FLAGS_LONG",
    "RESPONSE_HEADERS_BYTES",
    "RESPONSE_TRAILERS_BYTES",
    "RESPONSE_TX_DURATION",
    "ROUNDTRIP_DURATION",
    "ROUTE_NAME",
    "STREAM_ID",
    "TLS_JA3_FINGERPRINT",
    "TLS_JA4_FINGERPRINT",
    "TRACE_ID",
    "UNIQUE_ID",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_CLUSTER_RAW",
    "UPSTREAM_CONNECTION_ID",
    "UPSTREAM_CONNECTION_POOL_READY_DURATION",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "UPSTREAM_HEADER_BYTES_RECEIVED",
    "UPSTREAM_HEADER_BYTES_SENT",
    "UPSTREAM_HOST",
    "UPSTREAM_HOST_NAME",
    "UPSTREAM_HOST_NAME_WITHOUT_PORT",
    "UPSTREAM_LOCAL_ADDRESS",
    "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_LOCAL_DNS_SAN",
    "UPSTREAM_LOCAL_IP_SAN",
    "UPSTREAM_LOCAL_PORT",
    "UPSTREAM_LOCAL_URI_SAN",
    "UPSTREAM_PEER_CERT",
    "UPSTREAM_PEER_DNS_SAN",
    "UPSTREAM_PEER_IP_SAN",
    "UPSTREAM_PEER_ISSUER",
    "UPSTREAM_PEER_SUBJECT",
    "UPSTREAM_PEER_URI_SAN",
    "UPSTREAM_PROTOCOL",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_REMOTE_PORT",
    "UPSTREAM_REQUEST_ATTEMPT_COUNT",
    "UPSTREAM_TLS_CIPHER",
    "UPSTREAM_TLS_SESSION_ID",
    "UPSTREAM_TLS_VERSION",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
    "UPSTREAM_WIRE_BYTES_RECEIVED",
    "UPSTREAM_WIRE_BYTES_SENT",
    "VIRTUAL_CLUSTER_NAME",
];

/// The kinds of metadata that `%METADATA(KIND:..)%` reads.
const METADATA: [&str; 7] =
    ["CLUSTER", "DYNAMIC", "LISTENER", "LISTENER_FILTER_CHAIN", "ROUTE", "UPSTREAM_HOST", "VIRTUAL_HOST"];

/// What a command takes between its name and the closing `%`.
struct Syntax {
    /// Whether it needs parameters.
    required: bool,
    /// Whether a length may follow.
    length: bool,
    /// Whether its parameters, where there are some, are right.
    parameters: fn(&str) -> bool,
}

/// Checks a command.
pub(super) fn check(name: &str, parameters: &str, has_length: bool) -> Result<(), String> {
    let Some(syntax) = syntax(name) else {
        return Err(format!("{name} is not a command of format strings that every supported Envoy knows"));
    };
    if has_length && !syntax.length {
        return Err(format!("the command {name} takes no length"));
    }
    if parameters.is_empty() {
        return if syntax.required { Err(format!("the command {name} needs parameters")) } else { Ok(()) };
    }
    if (syntax.parameters)(parameters) {
        return Ok(());
    }
    Err(format!("the command {name} does not take the parameters {}", quote(parameters)))
}

fn syntax(name: &str) -> Option<Syntax> {
    let of = |required, length, parameters| Some(Syntax { required, length, parameters });
    match name {
        "REQ" | "RESP" | "TRAILER" | "STREAM_INFO_REQ" | "REQUEST_HEADER" | "RESPONSE_HEADER" | "RESPONSE_TRAILER" => {
            of(true, true, headers)
        }
        "DYNAMIC_METADATA" | "ENVIRONMENT" | "QUERY_PARAM" => of(true, true, any),
        "CLUSTER_METADATA" | "UPSTREAM_METADATA" => of(true, false, any),
        "METADATA" => of(true, true, |text| METADATA.contains(&first(text))),
        "FILTER_STATE" | "UPSTREAM_FILTER_STATE" => of(true, true, filter_state),
        "COMMON_DURATION" => of(true, false, duration),
        "GRPC_STATUS" => of(false, false, |text| ["CAMEL_STRING", "SNAKE_STRING", "NUMBER"].contains(&text)),
        "START_TIME"
        | "START_TIME_LOCAL"
        | "EMIT_TIME"
        | "EMIT_TIME_LOCAL"
        | "DOWNSTREAM_PEER_CERT_V_START"
        | "DOWNSTREAM_PEER_CERT_V_END"
        | "UPSTREAM_PEER_CERT_V_START"
        | "UPSTREAM_PEER_CERT_V_END" => of(false, false, time),
        "PATH" => of(false, true, |text| options(text, ["WQ", "NQ", ""], ["ORIG", "PATH", "ORIG_OR_PATH"])),
        "REQUESTED_SERVER_NAME" => of(false, false, |text| {
            options(text, ["SNI_ONLY", "SNI_FIRST", "HOST_FIRST"], ["ORIG", "HOST", "ORIG_OR_HOST"])
        }),
        "RESPONSE_CODE_DETAILS" => of(false, false, any),
        "CEL" => of(true, true, expression::selects),
        _ => PLAIN.binary_search(&name).is_ok().then_some(()).and_then(|()| of(false, false, |_| false)),
    }
}

fn any(_: &str) -> bool {
    true
}

fn first(text: &str) -> &str {
    text.split_once(':').map_or(text, |(first, _)| first)
}

/// A header, and after `?` another one.
fn headers(text: &str) -> bool {
    let (main, other) = text.split_once('?').unwrap_or((text, ""));
    [main, other].into_iter().all(|name| name.is_empty() || is_token(name.strip_prefix(':').unwrap_or(name)))
}

fn filter_state(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let key = parts.next().unwrap_or_default();
    let kind = match (parts.next(), parts.next()) {
        (Some("FIELD"), Some(field)) => !field.is_empty(),
        (None | Some("PLAIN" | "TYPED"), None) => true,
        _ => false,
    };
    !key.is_empty() && kind
}

/// Two points in time and a unit.
fn duration(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    matches!(parts.as_slice(), [from, to, "ms" | "us" | "ns"] if !from.is_empty() && !to.is_empty())
}

/// A format of strftime that writes no line break.
fn time(text: &str) -> bool {
    let breaks_line = |part: &str| {
        let part = part.trim_start_matches(['-', '_', '0', '^', '#']).trim_start_matches(|c: char| c.is_ascii_digit());
        part.trim_start_matches(['E', 'O']).starts_with('n')
    };
    !text.contains(['\n', '\r', '\0']) && !text.split('%').skip(1).any(breaks_line)
}

/// One of some words, and after `:` one of others.
fn options(text: &str, main: [&str; 3], other: [&str; 3]) -> bool {
    match text.split_once(':') {
        Some((one, two)) => main.contains(&one) && other.contains(&two),
        None => main.contains(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::{PLAIN, check};

    #[test]
    fn commands_are_sorted() {
        assert!(PLAIN.is_sorted());
    }

    #[test]
    fn a_command_has_the_parameters_and_the_length_that_it_takes() {
        for (name, parameters, has_length) in [
            ("BYTES_SENT", "", false),
            ("RESP", "X-A?b", true),
            ("METADATA", "ROUTE:istio:config", true),
            ("FILTER_STATE", "key:FIELD:name", false),
            ("COMMON_DURATION", "DS_RX_BEG:US_TX_BEG:us", false),
            ("START_TIME", "%Y-%m-%dT%H:%M:%E3S", false),
            ("PATH", "NQ:ORIG", false),
            ("REQUESTED_SERVER_NAME", "SNI_FIRST:HOST", false),
            ("CEL", "request.headers['x']", false),
        ] {
            assert_eq!(check(name, parameters, has_length), Ok(()), "{name}({parameters})");
        }
        for (name, parameters, has_length) in [
            ("BYTES_SENT", "a", false),
            ("BYTES_SENT", "", true),
            ("RESP", "", false),
            ("RESP", "a?b?c", false),
            ("RESP", "a b", false),
            ("METADATA", "NODE:a", false),
            ("FILTER_STATE", "key:OTHER", false),
            ("FILTER_STATE", "key:FIELD", false),
            ("COMMON_DURATION", "a:b:hours", false),
            ("START_TIME", "%Y%n", false),
            ("START_TIME", "%_9En", false),
            ("PATH", "WQ:ELSE", false),
            ("CEL", "size(a)", false),
        ] {
            assert!(check(name, parameters, has_length).is_err(), "{name}({parameters})");
        }
    }
}
