//! Conditions of routes.

use std::{collections::BTreeMap, net::IpAddr};

use heddle_crds::{
    StringMatch as WrittenMatch,
    networking::virtual_service as written,
    validate::{self, text::line},
};
use heddle_model::{
    Text,
    host::Host,
    labels::Labels,
    route::{HttpMatch, L4Match, StringMatch, TlsMatch},
};
use ipnet::IpNet;

use super::IngestContext;
use crate::ingest::{
    Report, name,
    scalar::{self, Refused},
};

/// What a header's name begins with when it stands for a claim of a token.
const CLAIM: &str = "@request.auth.claims";
/// Most bytes of the name of a query parameter that Envoy takes. For headers it takes more.
const LONGEST_NAME: usize = 1024;

/// The conditions of an HTTP rule. A condition that is refused takes its alternative out: without it the alternative
/// would match more than was asked for. Nothing when that leaves none.
pub(super) fn http_matches(
    matches: &[written::HttpMatch],
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Option<Vec<HttpMatch>> {
    let mut found = Vec::with_capacity(matches.len());
    for (index, written) in matches.iter().enumerate() {
        found.extend(http_match(written, &format!("{field}.match[{index}]"), scope, report));
    }
    (matches.is_empty() || !found.is_empty()).then_some(found)
}

/// Networks; those that are none are refused.
pub(super) fn subnets(texts: &[String], field: &str, report: &mut Report) -> Option<Vec<IpNet>> {
    let mut found = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        found.extend(network(text, &format!("{field}[{index}]"), report));
    }
    (texts.is_empty() || !found.is_empty()).then_some(found)
}

/// Conditions of a TLS rule.
pub(super) fn tls_match(
    written: &written::TlsMatch,
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Option<TlsMatch> {
    let mut sni_hosts: Vec<Host> = Vec::with_capacity(written.sni_hosts.len());
    for (index, host) in written.sni_hosts.iter().enumerate() {
        sni_hosts.extend(name::server_name(host, &format!("{field}.sniHosts[{index}]"), report));
    }
    if sni_hosts.is_empty() {
        report.error(format!("{field}.sniHosts"), "MissingSni", "a TLS match needs a server name; it is ignored");
        return None;
    }
    let l4 = L4Match {
        destination_subnets: subnets(&written.destination_subnets, &format!("{field}.destinationSubnets"), report)?,
        port: scalar::optional_port(written.port, &format!("{field}.port"), report).ok()?,
        source_labels: labels(&written.source_labels),
        source_namespace: written.source_namespace.as_str().into(),
        gateways: gateways(&written.gateways, field, scope, report)?,
    };
    Some(TlsMatch { sni_hosts, l4 })
}

/// Conditions of a TCP rule.
pub(super) fn l4_match(
    written: &written::L4Match,
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Option<L4Match> {
    if !written.source_subnet.is_empty() {
        report.no_effect(format!("{field}.sourceSubnet"), validate::DEPRECATED);
    }
    Some(L4Match {
        destination_subnets: subnets(&written.destination_subnets, &format!("{field}.destinationSubnets"), report)?,
        port: scalar::optional_port(written.port, &format!("{field}.port"), report).ok()?,
        source_labels: labels(&written.source_labels),
        source_namespace: written.source_namespace.as_str().into(),
        gateways: gateways(&written.gateways, field, scope, report)?,
    })
}

fn http_match(
    written: &written::HttpMatch,
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Option<HttpMatch> {
    let at = |name: &str| format!("{field}.{name}");
    let mut one = |written: &Option<WrittenMatch>, name: &str| -> Result<Option<StringMatch>, Refused> {
        written.as_ref().map_or(Ok(None), |w| scalar::string_match(w, &at(name), report))
    };
    let (uri, scheme) = (one(&written.uri, "uri"), one(&written.scheme, "scheme"));
    let (method, authority) = (one(&written.method, "method"), one(&written.authority, "authority"));
    Some(HttpMatch {
        name: written.name.as_str().into(),
        uri: uri.ok()?,
        ignore_case: written.ignore_uri_case,
        scheme: scheme.ok()?,
        method: method.ok()?,
        authority: authority.ok()?,
        headers: named(&written.headers, &at("headers"), true, report)?,
        without_headers: named(&written.without_headers, &at("withoutHeaders"), true, report)?,
        query: named(&written.query_params, &at("queryParams"), false, report)?,
        port: scalar::optional_port(written.port, &at("port"), report).ok()?,
        source_labels: labels(&written.source_labels),
        source_namespace: written.source_namespace.as_str().into(),
        gateways: gateways(&written.gateways, field, scope, report)?,
        stat_prefix: written.stat_prefix.as_str().into(),
    })
}

/// Conditions by name. Names of headers are lower-cased, as HTTP/2 has them.
fn named(
    written: &BTreeMap<String, WrittenMatch>,
    field: &str,
    headers: bool,
    report: &mut Report,
) -> Option<BTreeMap<Text, Option<StringMatch>>> {
    let mut found = BTreeMap::new();
    for (name, condition) in written {
        let place = format!("{field}[{name:?}]");
        if name.is_empty() {
            report.error(place, "BadName", "the name is empty; the match is ignored");
            return None;
        }
        scalar::text(name, |name| line(name, LONGEST_NAME), (&place, "the match is ignored"), report).ok()?;
        let name = if headers { name.to_ascii_lowercase() } else { name.clone() };
        if headers && name.starts_with(CLAIM) {
            report.not_supported(place);
            return None;
        }
        found.insert(name.into(), scalar::string_match(condition, &place, report).ok()?);
    }
    Some(found)
}

fn labels(written: &BTreeMap<String, String>) -> Labels {
    written.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

/// Gateways of a match. When all of them are bad the match is refused: without them it would hold everywhere.
fn gateways(
    names: &[String],
    field: &str,
    scope: &IngestContext<'_>,
    report: &mut Report,
) -> Option<Vec<heddle_model::route::GatewayRef>> {
    let found = name::gateways(scope.origin.namespace(), names, &format!("{field}.gateways"), report);
    (names.is_empty() || !found.is_empty()).then_some(found)
}

fn network(text: &str, field: &str, report: &mut Report) -> Option<IpNet> {
    let found = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    if found.is_none() {
        report.error(field, "BadAddress", format!("{text:?} is neither an address nor a CIDR; it is ignored"));
    }
    found.map(|net| net.trunc())
}
