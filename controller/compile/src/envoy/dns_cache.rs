//! The cache of names that the proxy resolves on demand. The filter that asks and the cluster that uses the answer share
//! it by name, and Envoy demands that both describe it alike.

use heddle_xds_api::envoy::{
    config::cluster::v3::cluster::DnsLookupFamily, extensions::common::dynamic_forward_proxy::v3::DnsCacheConfig,
};

use crate::view::ViewKey;

/// Name of the one cache.
const NAME: &str = "allow_any_dfp_dns_cache";

/// The cache of a view's proxies.
#[must_use]
pub fn dns_cache(view: &ViewKey) -> DnsCacheConfig {
    DnsCacheConfig {
        name: NAME.into(),
        dns_lookup_family: lookup_family(view).into(),
        max_hosts: Some(1024),
        ..DnsCacheConfig::default()
    }
}

/// Which addresses a view's proxies can reach.
#[must_use]
pub fn lookup_family(view: &ViewKey) -> DnsLookupFamily {
    match (view.ipv4, view.ipv6) {
        (true, true) => DnsLookupFamily::All,
        (false, true) => DnsLookupFamily::V6Only,
        _ => DnsLookupFamily::V4Only,
    }
}
