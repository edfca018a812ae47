//! WorkloadEntry.

use heddle_model::endpoint::Address;

use super::build::{clean, endpoints, found, object, snapshot};

#[test]
fn a_kubernetes_service_selects_workload_entries() {
    let service = object(
        "Service",
        "shop/web",
        "{clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: named, \
         port: 81, targetPort: x}]}",
    );
    let vm = |name: &str, spec: &str| object("WorkloadEntry", name, spec);
    let snapshot = clean([
        service,
        vm("shop/a", "{address: 10.2.0.1, labels: {app: web}, ports: {x: 7070}}"),
        vm("shop/b", "{address: vm.example.com, labels: {app: web}}"),
        vm("shop/c", "{address: 10.2.0.3, labels: {app: other}}"),
    ]);
    let found = endpoints(&snapshot, "web.shop.svc.cluster.local");
    let ports: Vec<_> = found.iter().map(|e| (e.address.clone(), e.port)).collect();
    let ip = || Address::Ip("10.2.0.1".parse().unwrap());
    assert_eq!(ports, [(ip(), 7070), (ip(), 8080), (Address::Name("vm.example.com".into()), 8080)]);
    assert!(snapshot.workloads.at("10.2.0.1".parse().unwrap()).is_some());
}

#[test]
fn labels_of_the_object_count_and_bad_addresses_are_refused() {
    let labelled = object("WorkloadEntry", "shop/a", "{address: 10.2.0.1, labels: {b: '2'}}").label("a", "1");
    let snapshot = snapshot([
        labelled,
        object("WorkloadEntry", "shop/b", "{address: 'a b'}"),
        object("WorkloadEntry", "shop/c", "{}"),
    ]);
    assert_eq!(snapshot.workloads.named("shop", "a").unwrap().labels.len(), 2);
    assert_eq!(found(&snapshot.issues), ["spec.address BadHost", "spec.address NotSupported"]);
}
