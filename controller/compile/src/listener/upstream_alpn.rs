//! The ALPN that tells the peer's sidecar that HTTP comes.
//!
//! Without it a PERMISSIVE port takes HTTP for TCP: calls still answer, and no HTTP route, policy or metric runs.
//! Istio's proxies have a filter for it. On stock Envoy clusters of declared ports offer the right protocols
//! themselves; towards the others the routes set the transport socket's protocols through filter state, which always
//! beats the cluster's.

use heddle_xds_api::{
    envoy::{
        config::core::v3::{
            DataSource, SubstitutionFormatString, data_source::Specifier, substitution_format_string::Format,
        },
        extensions::filters::network::http_connection_manager::v3::{HttpFilter, http_filter::ConfigType},
        extensions::filters::{
            common::set_filter_state::v3::{
                FilterStateValue,
                filter_state_value::{Key, SharedWithUpstream, Value},
            },
            http::set_filter_state::v3::Config,
        },
    },
    google::protobuf::Any,
};

use crate::{cluster::Alpn, envoy::any::any};

/// The filter of stock Envoy.
pub(crate) const FILTER: &str = "envoy.filters.http.set_filter_state";
/// Istio's filter.
pub(crate) const ISTIO_FILTER: &str = "istio.alpn";
/// Where the upstream TLS socket looks.
const KEY: &str = "envoy.network.application_protocols";

/// The filter for a proxy: Istio's where it has it, else stock Envoy's, which does nothing but what routes say.
#[must_use]
pub(super) fn filter(has_istio_filter: bool) -> HttpFilter {
    let (name, config) = if has_istio_filter { (ISTIO_FILTER, istio()) } else { (FILTER, any(&Config::default())) };
    HttpFilter { name: name.into(), config_type: Some(ConfigType::TypedConfig(config)), ..HttpFilter::default() }
}

/// Stock Envoy's filter as a route's own configuration.
///
/// The peer's codec follows what was agreed on, so that must be what is really spoken.
pub(crate) fn config(alpn: Alpn) -> Config {
    let protocols = match alpn {
        Alpn::Http1 => "istio-http/1.1,istio,http/1.1",
        Alpn::AsClient => "%CEL(request.protocol == 'HTTP/2' ? 'istio-h2,istio,h2' : 'istio-http/1.1,istio,http/1.1')%",
    };
    let format = Format::TextFormatSource(DataSource {
        specifier: Some(Specifier::InlineString(protocols.into())),
        ..DataSource::default()
    });
    let value = FilterStateValue {
        key: Some(Key::ObjectKey(KEY.into())),
        value: Some(Value::FormatString(SubstitutionFormatString {
            format: Some(format),
            ..SubstitutionFormatString::default()
        })),
        shared_with_upstream: SharedWithUpstream::Once.into(),
        ..FilterStateValue::default()
    };
    Config { on_request_headers: vec![value], ..Config::default() }
}

/// Istio's filter; its message is not among Envoy's, so it is written by hand: for each upstream protocol
/// (HTTP10 = 0, HTTP11 = 1, HTTP2 = 2) the protocols offered.
fn istio() -> Any {
    let alpn: [(u8, [&str; 3]); 3] = [
        (0, ["istio-http/1.0", "istio", "http/1.0"]),
        (1, ["istio-http/1.1", "istio", "http/1.1"]),
        (2, ["istio-h2", "istio", "h2"]),
    ];
    let mut value = Vec::new();
    for (protocol, names) in alpn {
        let mut alpn = Vec::new();
        if protocol > 0 {
            alpn.extend([0x08, protocol]);
        }
        for name in names {
            field(2, name.as_bytes(), &mut alpn);
        }
        field(1, &alpn, &mut value);
    }
    Any { type_url: "type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig".into(), value }
}

/// Appends a length-delimited field.
fn field(number: u8, bytes: &[u8], to: &mut Vec<u8>) {
    to.push(number << 3 | 2);
    prost::encoding::encode_varint(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}
