//! What HTTP requests to a cluster must offer by ALPN themselves, because its own offer is for bytes of any protocol.

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

/// The offer that requests to a cluster must make; none where the cluster makes it, or where no sidecar would read it.
pub(crate) fn request_alpn(visible: &impl Lookup, kind: ProxyKind, cluster: &str) -> Option<Alpn> {
    let destination = destination(visible, cluster)?;
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

/// The destination of `outbound|<port>|<subset>|<host>`.
fn destination(visible: &impl Lookup, cluster: &str) -> Option<Destination> {
    let mut parts = cluster.strip_prefix("outbound|")?.splitn(3, '|');
    let (port, subset, host) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    let service = visible.service(&Host::parse(host).ok()?)?;
    let whole = whole(visible, service, service.port(port)?, Purpose::Outbound);
    Some(Destination { subset: (!subset.is_empty()).then(|| subset.into()), ..whole })
}

#[cfg(test)]
mod tests {
    use heddle_model::{
        proxy::Proxy,
        tls::ClientTls,
        traffic::{ConnectionPool, H2Upgrade, TrafficPolicy},
    };

    use super::*;
    use crate::fixture::{TestMesh, gateway, rule, service, sidecar};

    const WEB: &str = "outbound|80||web.shop.svc.cluster.local";

    fn alpn(proxy: &Proxy, protocol: Protocol, policy: TrafficPolicy) -> Option<Alpn> {
        let test_mesh =
            TestMesh::default().with(service("web", &[(80, protocol)]), Vec::new()).rule(rule("web", policy));
        test_mesh.see(proxy, |scope| request_alpn(scope, proxy.kind, WEB))
    }

    #[test]
    fn only_requests_to_ports_of_unknown_protocol_offer_their_own() {
        let plain = TrafficPolicy::default;
        assert_eq!(alpn(&sidecar(), Protocol::Sniff, plain()), Some(Alpn::AsClient));
        assert_eq!(alpn(&gateway(), Protocol::Sniff, plain()), Some(Alpn::Http1));
        assert_eq!(alpn(&sidecar(), Protocol::Http, plain()), None);
        assert_eq!(alpn(&sidecar(), Protocol::Grpc, plain()), None);
        let with = |pool| TrafficPolicy { pool: Some(pool), ..plain() };
        let upgrade = ConnectionPool { h2_upgrade: Some(H2Upgrade::Always), ..ConnectionPool::default() };
        assert_eq!(alpn(&sidecar(), Protocol::Sniff, with(upgrade)), None);
        let follow = ConnectionPool { use_client_protocol: true, ..ConnectionPool::default() };
        assert_eq!(alpn(&sidecar(), Protocol::Http, with(follow)), Some(Alpn::AsClient));
        let simple = ClientTls { mode: ClientTlsMode::Simple, ..ClientTls::default() };
        assert_eq!(alpn(&sidecar(), Protocol::Sniff, TrafficPolicy { tls: Some(simple), ..plain() }), None);
    }

    #[test]
    fn names_that_lead_nowhere_offer_nothing() {
        let names =
            ["PassthroughCluster", "outbound|80||gone", "outbound|81||web.shop.svc.cluster.local", "outbound||"];
        let test_mesh = TestMesh::default().with(service("web", &[(80, Protocol::Sniff)]), Vec::new());
        assert!(
            test_mesh.see(&sidecar(), |scope| names
                .iter()
                .all(|name| request_alpn(scope, ProxyKind::Sidecar, name).is_none()))
        );
    }
}
