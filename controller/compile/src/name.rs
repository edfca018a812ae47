//! Names of Envoy's resources, as the contract's "Naming" fixes them: users' dashboards, EnvoyFilters and tools know
//! them.

use heddle_model::{host::Host, route::Destination};

/// Cluster without endpoints: traffic that must go nowhere.
pub(crate) const BLACK_HOLE: &str = "BlackHoleCluster";
/// Cluster of the original destination.
pub(crate) const PASSTHROUGH: &str = "PassthroughCluster";
/// Cluster of the original destination, for inbound traffic to ports that nothing declares.
pub(crate) const INBOUND_PASSTHROUGH: &str = "InboundPassthroughCluster";
/// Cluster that resolves the host asked for.
pub(crate) const DYNAMIC_DNS: &str = "AllowAnyDynamicDNSCluster";
/// Listener that iptables redirects outbound traffic to.
pub(crate) const VIRTUAL_OUTBOUND: &str = "virtualOutbound";
/// Listener that iptables redirects inbound traffic to.
pub(crate) const VIRTUAL_INBOUND: &str = "virtualInbound";

/// `outbound|<port>|<subset>|<host>`.
pub(crate) fn outbound(port: u16, subset: &str, host: &Host) -> String {
    format!("outbound|{port}|{subset}|{host}")
}

/// The cluster of a destination that no service has: requests to it fail, whatever its name. A short name stays short.
pub(crate) fn missing(port: u16, to: &Destination, mesh_domain: &str) -> String {
    let short = to.host.as_str().strip_suffix(mesh_domain).and_then(|host| host.strip_suffix(".svc."));
    match short.filter(|_| to.short) {
        Some(host) => format!("outbound|{port}|{}|{host}", to.subset),
        None => outbound(port, &to.subset, &to.host),
    }
}

/// `inbound|<port>||`.
pub(crate) fn inbound(port: u16) -> String {
    format!("inbound|{port}||")
}

/// `outbound_.<port>_.<subset>_.<host>`: an SNI, so no `|`. Also the cluster's name at AUTO_PASSTHROUGH gateways.
pub(crate) fn sni_dnat(port: u16, subset: &str, host: &Host) -> String {
    format!("outbound_.{port}_.{subset}_.{host}")
}
