//! Ports and their protocols.

use super::label::is_dns_label;
use super::report::quote;

/// What a port carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    HttpProxy,
    Http2,
    Https,
    Grpc,
    GrpcWeb,
    Tcp,
    Tls,
    Udp,
    Mongo,
    Redis,
    MySql,
    Hbone,
}

impl Protocol {
    /// Reads a protocol's name, ignoring case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "http_proxy" => Self::HttpProxy,
            "http2" => Self::Http2,
            "https" => Self::Https,
            "grpc" => Self::Grpc,
            "grpc-web" => Self::GrpcWeb,
            "tcp" => Self::Tcp,
            "tls" => Self::Tls,
            "udp" => Self::Udp,
            "mongo" => Self::Mongo,
            "redis" => Self::Redis,
            "mysql" => Self::MySql,
            "hbone" => Self::Hbone,
            _ => return None,
        })
    }

    /// Whether requests can be read without ending TLS.
    pub(super) fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::HttpProxy | Self::Http2 | Self::Grpc | Self::GrpcWeb)
    }

    /// Whether connections begin with a TLS handshake.
    pub(super) fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }
}

/// Checks a port number.
pub(super) fn number(number: u32) -> Result<(), String> {
    match number {
        1..=65535 => Ok(()),
        _ => Err(format!("{number} is not a port: it must be from 1 to 65535")),
    }
}

/// Checks a port number of which 0 means that it is not set.
pub(super) fn optional(value: u32) -> Result<(), String> {
    if value == 0 { Ok(()) } else { number(value) }
}

/// Checks the name of a port.
pub(super) fn name(name: &str) -> Result<(), String> {
    if is_dns_label(name) { Ok(()) } else { Err(format!("{} is not a port's name", quote(name))) }
}

/// Checks a protocol. Empty means that it is sniffed.
pub(super) fn protocol(name: &str) -> Result<(), String> {
    if name.is_empty() || Protocol::parse(name).is_some() {
        return Ok(());
    }
    Err(format!("{} is not a protocol that is known", quote(name)))
}
