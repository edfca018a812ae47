//! TLS to a host that only the SNI names: its address is resolved before the connection goes on.

use heddle_xds_api::envoy::{
    config::listener::v3::Filter,
    extensions::filters::network::sni_dynamic_forward_proxy::v3::{FilterConfig, filter_config::PortSpecifier},
};

use super::tcp;
use crate::{envoy::cluster, view::ViewKey};

/// Resolves the host of the SNI, for a cluster that takes the host asked for. Without it Envoy calls port 80.
pub(crate) fn filter(view: &ViewKey, port: u16) -> Filter {
    let family = cluster::family(view.ipv4, view.ipv6);
    let config = FilterConfig {
        dns_cache_config: Some(cluster::dns_cache(cluster::ANY_DNS_CACHE, family)),
        port_specifier: Some(PortSpecifier::PortValue(port.into())),
        ..FilterConfig::default()
    };
    tcp::filter("envoy.filters.network.sni_dynamic_forward_proxy", &config)
}
