//! Service.

use heddle_model::{
    protocol::Protocol::{Grpc, Http, Sniff, Tcp, Udp},
    service::{Preference, Resolution, Visibility},
};

use super::build::{Builder, clean, host, object, service};

fn svc(name: &str, spec: &str) -> Builder {
    object("Service", name, spec)
}

#[test]
fn cluster_ip_ports_and_protocols() {
    let snapshot = clean([svc(
        "shop/web",
        "{clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, 'fd00::1'], selector: {app: web}, ports: [{name: http-a, port: \
         80}, \
         {name: x, port: 3306}, {name: y, port: 81, appProtocol: grpc}, {name: u, port: 53, protocol: UDP}, {name: z, \
         port: 82}]}",
    )
    .label("team", "a")]);
    let service = service(&snapshot, "web.shop.svc.cluster.local");
    assert_eq!(service.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1/32", "fd00::1/128"]);
    let protocols: Vec<_> = service.ports.iter().map(|p| p.protocol).collect();
    assert_eq!(protocols, [Http, Tcp, Grpc, Udp, Sniff]);
    assert_eq!((service.resolution.clone(), service.headless, service.external), (Resolution::Static, false, false));
    assert_eq!((service.selector.len(), service.labels.len()), (1, 1));
}

#[test]
fn headless_services_pass_through() {
    let snapshot = clean([svc("shop/db", "{clusterIP: None, ports: [{port: 5432}]}")]);
    let service = service(&snapshot, "db.shop.svc.cluster.local");
    assert!(service.headless && service.addresses.is_empty() && service.resolution == Resolution::Passthrough);
}

#[test]
fn external_names_become_aliases_through_all_hops() {
    let snapshot = clean([
        svc("shop/web", "{clusterIP: 10.0.0.1, ports: [{port: 80}]}"),
        svc("shop/alias", "{type: ExternalName, externalName: web.shop.svc.cluster.local}"),
        svc("other/alias", "{type: ExternalName, externalName: alias.shop.svc.cluster.local}"),
        svc("other/loop", "{type: ExternalName, externalName: loop.other.svc.cluster.local}"),
    ]);
    let web = service(&snapshot, "web.shop.svc.cluster.local");
    assert_eq!(web.aliases, [host("alias.other.svc.cluster.local"), host("alias.shop.svc.cluster.local")]);
    let alias = service(&snapshot, "alias.shop.svc.cluster.local");
    assert_eq!(alias.resolution, Resolution::Alias(web.host.clone()));
}

#[test]
fn annotations_and_traffic_settings() {
    let snapshot = clean([svc(
        "shop/web",
        "{clusterIP: 10.0.0.1, internalTrafficPolicy: Local, sessionAffinity: ClientIP, publishNotReadyAddresses: \
         true, \
         trafficDistribution: PreferSameNode}",
    )
    .annotation("networking.istio.io/exportTo", "., other")
    .annotation("alpha.istio.io/kubernetes-serviceaccounts", "a,b")]);
    let service = service(&snapshot, "web.shop.svc.cluster.local");
    assert_eq!(service.export_to, Visibility::Only(["shop".into(), "other".into()].into()));
    assert_eq!(*service.subject_alt_names[1], *"spiffe://cluster.local/ns/shop/sa/b");
    assert!(service.node_local && service.publish_not_ready);
    assert_eq!((service.session_affinity, service.prefer), (Some(10_800), Some(Preference::SameNode)));
}
