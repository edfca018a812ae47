//! Listener filters: what is found out about a connection before a filter chain is chosen.

use std::collections::BTreeSet;

use heddle_xds_api::envoy::{
    config::listener::v3::{
        ListenerFilter, ListenerFilterChainMatchPredicate,
        listener_filter::ConfigType,
        listener_filter_chain_match_predicate::{MatchSet, Rule},
    },
    extensions::filters::listener::{
        http_inspector::v3::HttpInspector, original_dst::v3::OriginalDst, proxy_protocol::v3::ProxyProtocol,
        tls_inspector::v3::TlsInspector,
    },
    r#type::v3::Int32Range,
};

use crate::envoy::any::any;

/// Ports that need a filter: all but some, or none but some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// All but these.
    AllBut(BTreeSet<u16>),
    /// None but these.
    Only(BTreeSet<u16>),
}

/// Restores the address that the client connected to.
pub(crate) fn original_dst() -> ListenerFilter {
    filter("envoy.filters.listener.original_dst", &OriginalDst::default())
}

/// Reads SNI and ALPN.
pub(crate) fn tls() -> ListenerFilter {
    filter("envoy.filters.listener.tls_inspector", &TlsInspector::default())
}

/// Tells HTTP from other bytes.
pub(crate) fn http() -> ListenerFilter {
    filter("envoy.filters.listener.http_inspector", &HttpInspector::default())
}

/// Takes the PROXY protocol.
pub(crate) fn proxy_protocol() -> ListenerFilter {
    filter("envoy.filters.listener.proxy_protocol", &ProxyProtocol::default())
}

/// A filter switched off on the ports that do not need it; none where no port does.
pub(crate) fn on(mut filter: ListenerFilter, ports: &Ports) -> Option<ListenerFilter> {
    filter.filter_disabled = match ports {
        Ports::Only(ports) if ports.is_empty() => return None,
        Ports::Only(ports) => any_port(ports).map(|p| predicate(Rule::NotMatch(Box::new(p)))),
        Ports::AllBut(ports) => any_port(ports),
    };
    Some(filter)
}

fn filter<M: prost::Name>(name: &str, config: &M) -> ListenerFilter {
    ListenerFilter {
        name: name.into(),
        config_type: Some(ConfigType::TypedConfig(any(config))),
        ..ListenerFilter::default()
    }
}

fn any_port(ports: &BTreeSet<u16>) -> Option<ListenerFilterChainMatchPredicate> {
    let range = |port: &u16| {
        let start = i32::from(*port);
        predicate(Rule::DestinationPortRange(Int32Range { start, end: start + 1 }))
    };
    let mut rules: Vec<_> = ports.iter().map(range).collect();
    match rules.len() {
        0 | 1 => rules.pop(),
        _ => Some(predicate(Rule::OrMatch(MatchSet { rules }))),
    }
}

fn predicate(rule: Rule) -> ListenerFilterChainMatchPredicate {
    ListenerFilterChainMatchPredicate { rule: Some(rule) }
}
