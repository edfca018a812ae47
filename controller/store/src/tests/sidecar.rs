//! Sidecar.

use heddle_model::{
    mesh::OutboundMode,
    protocol::Protocol,
    sidecar::{CaptureMode, DefaultEndpoint, EgressNamespace},
};

use super::build::{clean, found, object, snapshot};

#[test]
fn listeners_of_a_loopback_workload() {
    let snapshot = clean([object(
        "Sidecar",
        "shop/web",
        "{workloadSelector: {labels: {app: web}}, ingress: [{port: {number: 9080, protocol: HTTP, name: http}, bind: \
         127.0.1.1, defaultEndpoint: '127.0.0.1:9081', captureMode: NONE}], egress: [{port: {number: 15080, protocol: \
         HTTP_PROXY, name: proxy}, bind: 127.0.1.1, hosts: ['./*', '*/a.b', '~/*']}], outboundTrafficPolicy: {}}",
    )]);
    let sidecar = &snapshot.sidecars[0];
    let ingress = &sidecar.ingress[0];
    assert_eq!(ingress.default_endpoint, DefaultEndpoint::Address("127.0.0.1:9081".parse().unwrap()));
    assert_eq!((&*ingress.bind, ingress.capture), ("127.0.1.1", CaptureMode::None));
    let egress = &sidecar.egress[0];
    assert_eq!(egress.port.as_ref().unwrap().protocol, Protocol::HttpProxy);
    let namespaces: Vec<_> = egress.hosts.iter().map(|h| h.namespace.clone()).collect();
    assert_eq!(namespaces, [EgressNamespace::Own, EgressNamespace::Any, EgressNamespace::None]);
    assert_eq!(sidecar.outbound.as_ref().unwrap().mode, OutboundMode::RegistryOnly);
}

#[test]
fn listeners_that_cannot_be_opened_are_left_out() {
    let snapshot = snapshot([object(
        "Sidecar",
        "shop/web",
        "{ingress: [{port: {number: 80, protocol: HTTP}, defaultEndpoint: '10.0.0.1:80'}, {}], egress: [{hosts: [a.b, \
         './c.d']}]}",
    )]);
    assert!(snapshot.sidecars[0].ingress.is_empty());
    assert_eq!(snapshot.sidecars[0].egress[0].hosts.len(), 1);
    let want = [
        "spec.egress[0].hosts[0] BadHost",
        "spec.ingress[0].defaultEndpoint BadEndpoint",
        "spec.ingress[1].port MissingPort",
    ];
    assert_eq!(found(&snapshot.issues), want);
}
