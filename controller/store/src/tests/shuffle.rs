//! The order of events does not matter.

use proptest::prelude::*;

use super::build::{Builder, object, pod, slice, store};

/// Objects that concern each other in every way that the store knows.
fn world() -> Vec<Builder> {
    let mut all = vec![
        object("Node", "/n1", "null").label("topology.kubernetes.io/region", "r"),
        object("Service", "a/web", "{clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80}]}"),
        object("Service", "a/alias", "{type: ExternalName, externalName: web.a.svc.cluster.local}"),
        object("WorkloadEntry", "a/vm", "{address: 10.2.0.1, labels: {app: web}}"),
        object("WorkloadEntry", "a/web-1", "{address: 10.1.0.1, labels: {app: web}}"),
        object(
            "ServiceEntry",
            "a/all",
            "{hosts: [all.com], resolution: STATIC, ports: [{number: 80, name: http}], \
                workloadSelector: {labels: {app: web}}}",
        ),
        object(
            "ServiceEntry",
            "a/web",
            "{hosts: [web.a.svc.cluster.local], resolution: NONE, ports: [{number: 81, name: x}]}",
        ),
        object(
            "VirtualService",
            "a/root",
            "{hosts: [web], http: [{delegate: {name: part}}, {delegate: {name: none}}]}",
        ),
        object("VirtualService", "a/part", "{http: [{route: [{destination: {host: web}}]}]}"),
        object("ConfigMap", "istio-system/istio", "null")
            .with("data", serde_json::json!({"mesh": "trustDomain: x.y\ndefaultVirtualServiceExportTo: ['.']"})),
        slice("a/web-1", "web", "http:8080", &["10.1.0.1", "10.1.0.2"]),
        slice("a/web-2", "web", "http:8080", &["10.1.0.2", "10.1.0.3"]),
    ];
    for i in 1..4 {
        all.push(pod(&format!("a/web-{i}"), &format!("10.1.0.{i}")).label("app", "web"));
        let host = format!("h{i}.com");
        let ports = "ports: [{number: 80, name: a, protocol: TCP}]";
        all.push(object(
            "ServiceEntry",
            &format!("a/e{i}"),
            &format!("{{hosts: [{host}, same.com], resolution: DNS, {ports}}}"),
        ));
        all.push(object(
            "DestinationRule",
            &format!("a/r{i}"),
            &format!("{{host: web, subsets: [{{name: v{}}}]}}", i % 2),
        ));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_events_gives_the_same_snapshot(
        order in Just((0..world().len()).collect::<Vec<_>>()).prop_shuffle(),
        deleted in proptest::collection::vec(0..world().len(), 0..8),
        commits in proptest::collection::vec(any::<bool>(), world().len() * 2 + 8),
    ) {
        let world = world();
        let mut commit = commits.into_iter();
        let mut shuffled = store();
        let mut step = |store: &mut crate::Store, event| {
            store.apply(event);
            if commit.next() == Some(true) {
                store.commit();
            }
        };
        for index in &order {
            step(&mut shuffled, world[*index].clone().apply());
        }
        for index in &deleted {
            step(&mut shuffled, world[*index].delete());
        }
        for index in &deleted {
            step(&mut shuffled, world[*index].clone().apply());
        }
        let mut straight = store();
        for object in world {
            straight.apply(object.apply());
        }
        let (a, b) = (shuffled.commit(), straight.commit());
        prop_assert_eq!(&a.services, &b.services);
        prop_assert_eq!(&a.endpoints, &b.endpoints);
        prop_assert_eq!(&a.workloads, &b.workloads);
        prop_assert_eq!(&a.virtual_services, &b.virtual_services);
        prop_assert_eq!(&a.destination_rules, &b.destination_rules);
        prop_assert_eq!(&a.mesh, &b.mesh);
        prop_assert_eq!(&a.issues, &b.issues);
    }
}
