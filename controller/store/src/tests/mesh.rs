//! MeshConfig.

use std::{sync::Arc, time::Duration};

use heddle_model::mesh::{DefaultExport, OutboundMode};
use serde_json::json;

use super::build::{Builder, found, object, store};
use crate::{Event, SourceId, documents};

fn map(mesh: &str) -> Builder {
    object("ConfigMap", "istio-system/istio", "null").with("data", json!({"mesh": mesh}))
}

#[test]
fn a_plain_file_lies_over_the_config_map() {
    let mut store = store();
    store.apply(map("trustDomain: a.b\nconnectTimeout: 1s\naccessLogFile: /dev/stdout").apply());
    let (objects, issues) =
        documents(b"connectTimeout: 2s\noutboundTrafficPolicy: {}\ndefaultServiceExportTo: ['.']\n");
    assert_eq!(issues, []);
    let key = objects[0].key.clone();
    for object in objects {
        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    }
    let mesh = store.commit().mesh.clone();
    assert_eq!((&*mesh.trust_domain, mesh.connect_timeout), ("a.b", Duration::from_secs(2)));
    assert_eq!(mesh.outbound, OutboundMode::RegistryOnly, "the first value of the enum");
    assert_eq!(mesh.service_export, DefaultExport::Only { own: true, named: [].into() });
    store.apply(Event::Delete(SourceId::Files, key));
    assert_eq!(store.commit().mesh.connect_timeout, Duration::from_secs(1));
}

#[test]
fn fields_for_which_nothing_is_built_are_reported() {
    let mut store = store();
    let mesh = "defaultProviders: {metrics: [prometheus], tracing: [zipkin]}\nenableTracing: true\nhboneIdleTimeout: \
        null\n\
                outboundTrafficPolicy: {egressProxy: {host: a}}\ndefaultConfig: {drainDuration: 1s, proxyHeaders: \
                {server: {}}}";
    store.apply(map(mesh).apply());
    let want = [
        "data.mesh.outboundTrafficPolicy.egressProxy UnknownField",
        "defaultConfig.proxyHeaders.server NotSupported",
        "defaultProviders.tracing NotSupported",
        "enableTracing NotSupported",
    ];
    assert_eq!(found(&store.commit().issues), want);
}

#[test]
fn a_change_of_the_mesh_reaches_what_was_made_with_it() {
    let mut store = store();
    store.apply(object("Service", "shop/web", "{clusterIP: 10.0.0.1}").apply());
    store.apply(object("VirtualService", "shop/web", "{hosts: [web]}").apply());
    let before = store.commit();
    store.apply(map("defaultServiceExportTo: ['~']").apply());
    let after = store.commit();
    assert!(!after.services.iter().next().unwrap().export_to.sees("shop"));
    assert!(Arc::ptr_eq(&before.virtual_services, &after.virtual_services), "what does not differ is shared");
}

#[test]
fn default_exports_are_lists_and_fail_closed() {
    let see = |said: &str| {
        let mut store = store();
        store.apply(map(&format!("defaultServiceExportTo: {said}")).apply());
        store.apply(object("Service", "shop/web", "{clusterIP: 10.0.0.1}").apply());
        let snapshot = store.commit();
        let service = snapshot.services.iter().next().unwrap().clone();
        let seen: Vec<_> = ["shop", "team", "other"].into_iter().filter(|name| service.export_to.sees(name)).collect();
        (seen, found(&snapshot.issues))
    };
    let issue = |text: &str| vec![text.to_owned()];
    assert_eq!(see("[]"), (vec!["shop", "team", "other"], vec![]));
    assert_eq!(see("['*']"), (vec!["shop", "team", "other"], vec![]));
    assert_eq!(see("[team]"), (vec!["team"], vec![]));
    assert_eq!(see("['.', team]"), (vec!["shop", "team"], vec![]));
    assert_eq!(see("['~']"), (vec![], vec![]));
    assert_eq!(see("['Team!']"), (vec![], issue("defaultServiceExportTo[0] BadNamespace")));
    assert_eq!(see("['*', '.']"), (vec!["shop"], issue("defaultServiceExportTo Exclusive")));
}

#[test]
fn objects_of_namespaces_that_are_not_selected_are_not_read() {
    let mut store = store();
    let namespace =
        |name: &str, mesh: &str| object("Namespace", &format!("/{name}"), "null").label("mesh", mesh).apply();
    let service = |name: &str| object("Service", name, "{clusterIP: 10.0.0.1}").apply();
    let hosts = |store: &mut crate::Store| -> Vec<String> {
        store.commit().services.iter().map(|service| service.host.to_string()).collect()
    };
    for name in ["in/a", "out/b", "istio-system/c"] {
        store.apply(service(name));
    }
    store.apply(map("discoverySelectors: [{matchExpressions: [{key: mesh, operator: In, values: [on]}]}]").apply());
    store.apply(namespace("out", "off"));
    assert_eq!(hosts(&mut store), ["c.istio-system.svc.cluster.local"], "before the namespace is known");
    store.apply(namespace("in", "on"));
    assert_eq!(hosts(&mut store), ["a.in.svc.cluster.local", "c.istio-system.svc.cluster.local"]);
    store.apply(namespace("in", "off"));
    store.apply(namespace("out", "on"));
    store.apply(service("in/d"));
    store.apply(service("out/e"));
    let out = ["b.out.svc.cluster.local", "c.istio-system.svc.cluster.local", "e.out.svc.cluster.local"];
    assert_eq!(hosts(&mut store), out);
    store.apply(object("Service", "in/a", "null").delete());
    store.apply(map("discoverySelectors: [{matchExpressions: [{key: mesh, operator: Maybe}]}]").apply());
    assert_eq!(hosts(&mut store).len(), 4, "a selector that cannot be read selects nothing and hides nothing");
    let issues = store.commit().issues.clone();
    assert_eq!(found(&issues), ["discoverySelectors[0].matchExpressions[0].operator BadSelector"]);
}

#[test]
fn bad_settings_leave_those_of_before() {
    let mut store = store();
    store.apply(map("trustDomain: a.b").apply());
    store.commit();
    for bad in ["trustDomain: [", "connectTimeout: soon", "enableAutoMtls: 7"] {
        store.apply(map(bad).apply());
        let snapshot = store.commit();
        assert_eq!(*snapshot.mesh.trust_domain, *"a.b", "{bad}");
        assert_eq!(found(&snapshot.issues), ["data.mesh Malformed"]);
    }
    store.apply(map("unknownThing: 1").apply());
    assert_eq!(found(&store.commit().issues), ["data.mesh.unknownThing UnknownField"]);
}

#[test]
fn bad_settings_that_come_at_once_leave_those_just_before() {
    let mut store = store();
    store.apply(map("trustDomain: a.b").apply());
    assert_eq!(found(&store.apply(map("trustDomain: c.d\ntrustDomain: c.d").apply())), ["data.mesh Malformed"]);
    let snapshot = store.commit();
    assert_eq!(*snapshot.mesh.trust_domain, *"a.b");
    assert_eq!(found(&snapshot.issues), ["data.mesh Malformed"]);
    store.apply(map("").delete());
    let snapshot = store.commit();
    assert_eq!((&*snapshot.mesh.trust_domain, found(&snapshot.issues)), ("cluster.local", Vec::new()));
}
