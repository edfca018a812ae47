//! Attributes of requests and connections, and their values.

use super::report::{Report, quote};
use super::{address, port};
use crate::decode::Path;

/// What an attribute is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    /// A header of the request.
    Header,
    /// The address of the client, as forwarding headers name it.
    RemoteAddress,
    /// The address of the peer or of the destination.
    Address,
    /// The port of the destination.
    Port,
    /// What is known of the caller by its certificate.
    Peer,
    /// What is known of the caller by its token.
    Token,
    /// Anything else.
    Other,
}

impl Attribute {
    /// Whether the attribute says who the caller is.
    pub(super) fn is_identity(self) -> bool {
        matches!(self, Self::Peer | Self::Token)
    }
}

/// Reads the name of an attribute.
pub(super) fn parse(key: &str) -> Result<Attribute, String> {
    let exact = match key {
        "source.ip" | "destination.ip" => Some(Attribute::Address),
        "remote.ip" => Some(Attribute::RemoteAddress),
        "destination.port" => Some(Attribute::Port),
        "source.namespace" | "source.principal" | "source.serviceAccount" | "source.trustDomain" => {
            Some(Attribute::Peer)
        }
        "request.auth.principal" | "request.auth.audiences" | "request.auth.presenter" => Some(Attribute::Token),
        "connection.sni" => Some(Attribute::Other),
        _ => None,
    };
    if let Some(attribute) = exact {
        return Ok(attribute);
    }
    let prefixes = [
        ("request.headers", Attribute::Header),
        ("request.auth.claims", Attribute::Token),
        ("experimental.envoy.filters.", Attribute::Other),
    ];
    let Some((_, attribute)) = prefixes.into_iter().find(|(prefix, _)| key.starts_with(prefix)) else {
        return Err(match key {
            "destination.namespace" => format!("{key} is given by the policy's own namespace"),
            "destination.labels" | "destination.name" | "destination.user" => {
                format!("{key} is given by the policy's selector")
            }
            _ => format!("{} is not an attribute that is known", quote(key)),
        });
    };
    let has_brackets = key.find('[').is_some_and(|open| key.ends_with(']') && open + 2 < key.len());
    if has_brackets { Ok(attribute) } else { Err(format!("{} is not of the form a[b]", quote(key))) }
}

/// Checks values of an attribute.
pub(super) fn values(attribute: Attribute, values: &[String], at: &Path<'_>, out: &mut Report) {
    match attribute {
        Attribute::Address | Attribute::RemoteAddress => addresses(values, at, out),
        Attribute::Port => ports(values, at, out),
        _ => not_empty(values, at, out),
    }
}

/// Checks addresses and CIDRs.
pub(super) fn addresses(values: &[String], at: &Path<'_>, out: &mut Report) {
    for (index, value) in values.iter().enumerate() {
        out.need(&at.index(index), address::subnet(value));
    }
}

/// Checks ports that are given as texts.
pub(super) fn ports(values: &[String], at: &Path<'_>, out: &mut Report) {
    for (index, value) in values.iter().enumerate() {
        let result = match value.parse() {
            Ok(number) => port::number(number),
            Err(_) => Err(format!("{} is not a port", quote(value))),
        };
        out.need(&at.index(index), result);
    }
}

/// Checks that no value is empty.
pub(super) fn not_empty(values: &[String], at: &Path<'_>, out: &mut Report) {
    for (index, _) in values.iter().enumerate().filter(|(_, value)| value.is_empty()) {
        out.refuse(&at.index(index), "must not be empty");
    }
}
