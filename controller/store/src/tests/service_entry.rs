//! ServiceEntry.

use std::collections::BTreeSet;

use heddle_model::{endpoint::Address, protocol::Protocol, service::Resolution};
use serde_json::json;

use super::build::{Builder, clean, endpoints, found, object, pod, service, snapshot};

fn entry(name: &str, spec: &str) -> Builder {
    object("ServiceEntry", name, spec)
}

#[test]
fn listed_endpoints_have_ports_weights_and_identities() {
    let snapshot = clean([entry(
        "shop/db",
        "{hosts: [db.example.com], addresses: [10.9.0.1, 10.8.7.6/16], location: MESH_INTERNAL, resolution: STATIC, \
         ports: \
         [{number: 80, name: http, protocol: HTTP, targetPort: 8080}, {number: 5432, name: tcp, protocol: TCP}], \
         endpoints: \
         [{address: 10.0.0.1, ports: {http: 9090}, weight: 3, serviceAccount: db, locality: r/z}, {address: \
         10.0.0.2}]}",
    )]);
    let service = service(&snapshot, "db.example.com");
    assert_eq!(service.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.9.0.1/32", "10.8.0.0/16"]);
    assert!(!service.external && service.auto_addresses.is_empty());
    let found = endpoints(&snapshot, "db.example.com");
    let ports: Vec<_> = found.iter().map(|e| (e.address.text().to_string(), e.port)).collect();
    let at = |address: &str, port| (address.to_owned(), port);
    assert_eq!(ports, [at("10.0.0.1", 5432), at("10.0.0.1", 9090), at("10.0.0.2", 5432), at("10.0.0.2", 8080)]);
    assert_eq!((found[0].weight, found[0].mtls, found[0].identity.is_some()), (3, true, true));
    assert_eq!((found[2].weight, found[2].mtls, found[2].identity.is_some()), (1, false, false));
}

#[test]
fn resolutions() {
    let of = |resolution: &str, host: &str| {
        let spec = format!(
            "{{hosts: ['{host}'], resolution: {resolution}, ports: [{{number: 443, name: tls, protocol: TLS}}]}}"
        );
        let snapshot = clean([entry("shop/a", &spec)]);
        (service(&snapshot, host).resolution.clone(), endpoints(&snapshot, host).to_vec())
    };
    let (resolution, named) = of("DNS", "a.com");
    assert_eq!((resolution, &named[0].address), (Resolution::Dns, &Address::Name("a.com".into())));
    assert_eq!(of("DNS_ROUND_ROBIN", "a.com").1.len(), 1);
    assert_eq!(of("NONE", "*.a.com"), (Resolution::Passthrough, vec![]));
    assert_eq!(of("STATIC", "a.com"), (Resolution::Static, vec![]));
    assert_eq!(of("DYNAMIC_DNS", "*.a.com"), (Resolution::DynamicDns, vec![]));
}

#[test]
fn a_selector_takes_pods_and_workload_entries_of_its_namespace() {
    let se = entry(
        "shop/a",
        "{hosts: [a.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: \
         HTTP, \
         targetPort: 8080}], workloadSelector: {labels: {app: a}}}",
    );
    let vm = object(
        "WorkloadEntry",
        "shop/vm",
        "{address: 10.2.0.1, labels: {app: a}, ports: {http: 7070}, serviceAccount: vm}",
    );
    let elsewhere = object("WorkloadEntry", "other/vm", "{address: 10.2.0.2, labels: {app: a}}");
    let snapshot = clean([se, vm, elsewhere, pod("shop/p", "10.1.0.1").label("app", "a"), pod("shop/q", "10.1.0.2")]);
    let ports: Vec<_> = endpoints(&snapshot, "a.com").iter().map(|e| (e.address.text().to_string(), e.port)).collect();
    assert_eq!(ports, [("10.1.0.1".to_owned(), 8080), ("10.2.0.1".to_owned(), 7070)]);
}

#[test]
fn ports_of_selected_pods_are_found_by_name() {
    let spec = "{hosts: [a.com], resolution: STATIC, workloadSelector: {labels: {app: a}}, ports: [{number: 80, name: \
                main}, {number: 81, name: front}, {number: 82, name: init}, \
                {number: 83, name: said, targetPort: 8083}, {number: 84, name: both, targetPort: 8084}]}";
    let containers = json!({
        "initContainers": [
            {"restartPolicy": "Always", "ports": [{"name": "front", "containerPort": 7081}]},
            {"ports": [{"name": "init", "containerPort": 7082}]},
        ],
        "containers": [
            {"ports": [{"name": "main", "containerPort": 7080}, {"name": "both", "containerPort": 7084}]},
        ],
    });
    let pod = pod("shop/p", "10.1.0.1").label("app", "a").with("spec", containers);
    let snapshot = clean([entry("shop/a", spec), pod]);
    let mut ports: Vec<_> =
        endpoints(&snapshot, "a.com").iter().map(|e| (e.service_port.to_string(), e.port)).collect();
    ports.sort();
    let want = [("both", 7084), ("front", 7081), ("init", 82), ("main", 7080), ("said", 8083)];
    assert_eq!(ports, want.map(|(name, port)| (name.to_owned(), port)));
}

#[test]
fn addresses_are_allocated_where_none_is_said() {
    let spec = |host: &str, resolution: &str| {
        format!("{{hosts: ['{host}'], resolution: {resolution}, ports: [{{number: 80, name: a, protocol: TCP}}]}}")
    };
    let many: Vec<Builder> =
        (0..600).map(|i| entry(&format!("shop/e{i}"), &spec(&format!("h{i}.com"), "DNS"))).collect();
    let snapshot = clean(many.clone());
    let all: BTreeSet<_> = snapshot.services.iter().map(|s| s.auto_addresses.clone()).collect();
    assert_eq!(all.len(), 600, "each its own");
    let first = &service(&snapshot, "h0.com").auto_addresses;
    assert!(first[0].to_string().starts_with("240.240.") && first[1].to_string().starts_with("2001:2::"));
    let again = clean(many.into_iter().rev());
    assert_eq!(again.services, snapshot.services, "whatever the order");
    let kept = entry("shop/k", &spec("k.com", "DNS"))
        .with("status", json!({"addresses": [{"value": "240.240.0.1", "host": "k.com"}]}));
    let none = entry("shop/n", &spec("n.com", "NONE"));
    let snapshot = clean([kept, none, entry("shop/w", &spec("*.w.com", "DYNAMIC_DNS"))]);
    assert_eq!(service(&snapshot, "k.com").auto_addresses, ["240.240.0.1".parse::<std::net::IpAddr>().unwrap()]);
    assert!(
        service(&snapshot, "n.com").auto_addresses.is_empty()
            && service(&snapshot, "*.w.com").auto_addresses.is_empty()
    );
}

#[test]
fn declarations_of_one_host_are_joined_when_they_agree() {
    let of = |name: &str, port: u16, resolution: &str| {
        let spec = format!(
            "{{hosts: [a.com], addresses: [10.0.0.1], resolution: {resolution}, ports: [{{number: {port}, name: \
             p{port}, protocol: TCP}}]}}"
        );
        entry(name, &spec)
    };
    let snapshot = snapshot([
        of("shop/a", 80, "NONE").created(1),
        of("shop/b", 443, "NONE").created(2),
        of("shop/c", 8443, "DNS").created(3),
    ]);
    let ports: Vec<_> = service(&snapshot, "a.com").ports.iter().map(|p| p.number).collect();
    assert_eq!(ports, [80, 443]);
    assert_eq!(found(&snapshot.issues), ["spec.hosts DuplicateHost"]);
    assert_eq!(&*snapshot.issues[0].object.name, "c");
}

#[test]
fn a_port_that_two_declare_is_the_older_ones() {
    let of = |name: &str, protocol: &str| {
        let spec =
            format!("{{hosts: [a.com], resolution: DNS, ports: [{{number: 443, name: one, protocol: {protocol}}}]}}");
        entry(name, &spec)
    };
    let two = snapshot([of("shop/a", "HTTPS").created(1), of("shop/b", "HTTP").created(2)]);
    assert_eq!(service(&two, "a.com").ports[0].protocol, Protocol::Https);
    assert_eq!(found(&two.issues), ["spec.ports DuplicatePort"]);
    assert_eq!(&*two.issues[0].object.name, "b");
    assert!(snapshot([of("shop/a", "HTTPS").created(1), of("shop/b", "HTTPS").created(2)]).issues.is_empty());
}

#[test]
fn what_is_wrong_takes_out_no_more_than_it_must() {
    let snapshot = snapshot([entry(
        "shop/a",
        "{hosts: [a.com, 'b c', '*', a.com], addresses: [x], resolution: STATIC, ports: [{number: 80, name: a}, \
         {number: 80, \
         name: b}, {number: 99999, name: c}], endpoints: [{address: not.an.ip}, {address: 10.0.0.1}, {}]}",
    )]);
    assert_eq!(snapshot.services.len(), 1);
    assert_eq!(endpoints(&snapshot, "a.com").len(), 1);
    let want = [
        "spec.addresses[0] BadAddress",
        "spec.endpoints[0].address BadAddress",
        "spec.endpoints[2].address NotSupported",
        "spec.hosts[1] BadHost",
        "spec.hosts[2] BadHost",
        "spec.hosts[3] DuplicateHost",
        "spec.ports[1] DuplicatePort",
        "spec.ports[2].number BadPort",
    ];
    assert_eq!(found(&snapshot.issues), want);
}
