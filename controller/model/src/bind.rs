//! Addresses that listeners are bound to.

use std::net::IpAddr;

use crate::Text;

/// The one spelling of a bind address: an IP address in its shortest form, an IPv4 address that is written as IPv6 as
/// IPv4, and no brackets. Envoy compares addresses by value, so two spellings would be two listeners of one address. A
/// text that is no IP address (a Unix socket) stays as it is.
///
/// ```
/// # use heddle_model::bind::canonical;
/// assert_eq!(&*canonical("0:0::1"), "::1");
/// assert_eq!(&*canonical("[::]"), "::");
/// assert_eq!(&*canonical("::ffff:0.0.0.0"), "0.0.0.0");
/// assert_eq!(&*canonical("unix:///tmp/x"), "unix:///tmp/x");
/// ```
#[must_use]
pub fn canonical(bind: &str) -> Text {
    let trimmed = bind.trim();
    let inner = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(trimmed);
    inner.parse::<IpAddr>().map_or_else(|_| bind.into(), |ip| ip.to_canonical().to_string().into())
}
