//! MeshConfig.

use std::{sync::Arc, time::Duration};

use heddle_model::mesh::{DefaultExport, OutboundMode};
use serde_json::json;

use super::build::{Builder, found, object, store};
use crate::{Event, documents};

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
        store.apply(Event::Apply(Box::new(object)));
    }
    let mesh = store.commit().mesh.clone();
    assert_eq!((&*mesh.trust_domain, mesh.connect_timeout), ("a.b", Duration::from_secs(2)));
    assert_eq!(mesh.outbound, OutboundMode::RegistryOnly, "the first value of the enum");
    assert_eq!(mesh.service_export, DefaultExport::Own);
    store.apply(Event::Delete(key));
    assert_eq!(store.commit().mesh.connect_timeout, Duration::from_secs(1));
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
    assert!(Arc::ptr_eq(&before.routes, &after.routes), "what does not differ is shared");
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
