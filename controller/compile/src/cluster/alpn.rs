//! What HTTP requests to a cluster must offer by ALPN themselves, because its own offer is for bytes of any protocol.

use std::collections::BTreeMap;

use heddle_model::{host::Host, protocol::Protocol, proxy::ProxyKind, tls::ClientTlsMode};

use super::{
    destination::{Destination, Purpose},
    key::whole,
    pool::{Upstream, upstream},
};
use crate::visible::Lookup;

/// An offer that a request makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpn {
    /// HTTP/1.1.
    Http1,
    /// What the client of the proxy speaks.
    AsClient,
}

/// The ALPN that requests must offer themselves, by the name of the cluster, for the clusters that lead to these hosts.
/// A cluster that makes the offer, or where no sidecar would read it, is not in it.
pub(crate) fn request_alpn<'h>(
    visible: &impl Lookup,
    kind: ProxyKind,
    hosts: impl IntoIterator<Item = &'h Host>,
) -> BTreeMap<String, Alpn> {
    let mut by_cluster = BTreeMap::new();
    for service in hosts.into_iter().filter_map(|host| visible.service(host)) {
        for port in &service.ports {
            let whole = whole(visible, service, port, Purpose::Outbound);
            let subsets = whole.rule.iter().flat_map(|rule| &rule.subsets).map(|subset| Some(subset.name.clone()));
            for subset in subsets.chain([None]).collect::<Vec<_>>() {
                let destination = Destination { subset, ..whole.clone() };
                by_cluster.extend(alpn(&destination, kind).map(|alpn| (destination.name(), alpn)));
            }
        }
    }
    by_cluster
}

fn alpn(destination: &Destination, kind: ProxyKind) -> Option<Alpn> {
    let policy = destination.policy();
    let in_mesh = match policy.tls {
        Some(tls) => tls.mode == ClientTlsMode::IstioMutual,
        None => destination.mesh.auto_mtls && !destination.service.external,
    };
    let protocol = destination.port.protocol;
    match upstream(&destination.mesh, kind, protocol, policy.pool) {
        Upstream::AsClient if in_mesh => Some(Alpn::AsClient),
        Upstream::Http1 if in_mesh && protocol == Protocol::Sniff => Some(Alpn::Http1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use heddle_model::{
        destination_rule::DestinationRule,
        proxy::Proxy,
        tls::ClientTls,
        traffic::{ConnectionPool, H2Upgrade, TrafficPolicy},
    };

    use super::*;
    use crate::fixture::{TestMesh, gateway, host, rule, service, sidecar, subset};

    const WEB: &str = "web.shop.svc.cluster.local";

    fn offered(proxy: &Proxy, protocol: Protocol, policy: TrafficPolicy) -> Option<Alpn> {
        let test_mesh =
            TestMesh::default().with(service("web", &[(80, protocol)]), Vec::new()).rule(rule("web", policy));
        test_mesh.see(proxy, |scope| request_alpn(scope, proxy.kind, [&host(WEB)]).into_values().next())
    }

    #[test]
    fn only_requests_to_ports_of_unknown_protocol_offer_their_own() {
        let plain = TrafficPolicy::default;
        assert_eq!(offered(&sidecar(), Protocol::Sniff, plain()), Some(Alpn::AsClient));
        assert_eq!(offered(&gateway(), Protocol::Sniff, plain()), Some(Alpn::Http1));
        assert_eq!(offered(&sidecar(), Protocol::Http, plain()), None);
        assert_eq!(offered(&sidecar(), Protocol::Grpc, plain()), None);
        let with = |pool| TrafficPolicy { pool: Some(pool), ..plain() };
        let upgrade = ConnectionPool { h2_upgrade: Some(H2Upgrade::Always), ..ConnectionPool::default() };
        assert_eq!(offered(&sidecar(), Protocol::Http, with(upgrade.clone())), None);
        assert_eq!(offered(&sidecar(), Protocol::Sniff, with(upgrade)), Some(Alpn::AsClient));
        let follow = ConnectionPool { use_client_protocol: true, ..ConnectionPool::default() };
        assert_eq!(offered(&sidecar(), Protocol::Http, with(follow)), Some(Alpn::AsClient));
        let simple = ClientTls { mode: ClientTlsMode::Simple, ..ClientTls::default() };
        assert_eq!(offered(&sidecar(), Protocol::Sniff, TrafficPolicy { tls: Some(simple), ..plain() }), None);
    }

    #[test]
    fn each_cluster_of_a_host_has_its_offer() {
        let rule = DestinationRule { subsets: vec![subset("v1", None)], ..rule("web", TrafficPolicy::default()) };
        let ports = [(80, Protocol::Sniff), (81, Protocol::Http)];
        let test_mesh = TestMesh::default().with(service("web", &ports), Vec::new()).rule(rule);
        let hosts = [host(WEB), host("gone.test")];
        let found = test_mesh.see(&sidecar(), |scope| request_alpn(scope, ProxyKind::Sidecar, &hosts));
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["outbound|80|v1|web.shop.svc.cluster.local", "outbound|80||web.shop.svc.cluster.local"]);
    }
}
