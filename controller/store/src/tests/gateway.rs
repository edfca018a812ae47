//! Gateway.

use heddle_model::{
    protocol::Protocol,
    tls::{ServerCertificate, ServerTlsMode},
};

use super::build::{clean, found, object, snapshot};

#[test]
fn servers_hosts_and_certificates() {
    let snapshot = clean([object(
        "Gateway",
        "edge/gw",
        "{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: \
         [./a.b, '*/c.d', shop/e.f, g.h], tls: {mode: SIMPLE, credentialName: cert}}]}",
    )]);
    let server = &snapshot.gateways[0].servers[0];
    assert_eq!((server.port, server.protocol, &*server.field), (443, Protocol::Https, "spec.servers[0]"));
    let namespaces: Vec<_> = server.hosts.iter().map(|h| h.namespace.as_deref()).collect();
    assert_eq!(namespaces, [Some("edge"), None, Some("shop"), None]);
    let tls = server.tls.as_ref().unwrap();
    assert_eq!(tls.mode, ServerTlsMode::Simple);
    assert_eq!(tls.certificates, [ServerCertificate::Credential("cert".into())]);
}

#[test]
fn servers_that_cannot_be_opened_are_left_out() {
    let snapshot = snapshot([object(
        "Gateway",
        "edge/gw",
        "{servers: [{hosts: [a]}, {port: {number: 0, protocol: HTTP}, hosts: [a]}, {port: {number: 80, protocol: X}, \
         hosts: [a]}, {port: {number: 80, protocol: HTTP}}, {port: {number: 81, protocol: HTTP}, hosts: [a]}]}",
    )]);
    assert_eq!(snapshot.gateways[0].servers.iter().map(|s| s.port).collect::<Vec<_>>(), [81]);
    let want = [
        "spec.servers[0].port MissingPort",
        "spec.servers[1].port.number BadPort",
        "spec.servers[2].port.protocol BadProtocol",
        "spec.servers[3].hosts MissingHosts",
    ];
    assert_eq!(found(&snapshot.issues), want);
}
