//! Objects for tests, written as they read.

use std::sync::Arc;

use heddle_model::{
    endpoint::Endpoint,
    host::Host,
    issue::Issue,
    object::{Kind, ObjectRef},
    service::Service,
    service::ServiceKey,
    snapshot::Snapshot,
};
use heddle_yaml::{Budget, Schema};
use serde_json::{Value, json};

use crate::{Event, Object, Settings, SourceId, Store, object::Reading};

/// An object to be.
#[derive(Clone, Debug)]
pub(crate) struct Builder(Value);

/// An object of a kind, by `namespace/name`, with the YAML of its spec.
pub(crate) fn object(kind: &str, name: &str, spec: &str) -> Builder {
    let (namespace, name) = name.split_once('/').unwrap();
    let kind = Kind::all().find(|k| k.name() == kind).unwrap();
    let api = if kind.group().is_empty() { "v1".to_owned() } else { format!("{}/v1", kind.group()) };
    let metadata = json!({"namespace": namespace, "name": name, "labels": {}, "annotations": {}});
    let spec = heddle_yaml::value(spec, Schema::Core, &Budget::FILE).unwrap();
    Builder(json!({"apiVersion": api, "kind": kind.name(), "metadata": metadata, "spec": spec}))
}

/// A pod that runs and is ready.
pub(crate) fn pod(name: &str, ip: &str) -> Builder {
    let status = json!({"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": "True"}]});
    object("Pod", name, "{serviceAccountName: web, nodeName: n1}").with("status", status)
}

/// A slice of a service, with one endpoint a line of `address pod`.
pub(crate) fn slice(name: &str, service: &str, port: &str, addresses: &[&str]) -> Builder {
    let (port_name, number) = port.split_once(':').unwrap();
    let endpoints: Vec<Value> = addresses.iter().map(|a| json!({"addresses": [a]})).collect();
    object("EndpointSlice", name, "null")
        .label("kubernetes.io/service-name", service)
        .with("addressType", json!("IPv4"))
        .with("ports", json!([{"name": port_name, "port": number.parse::<u16>().unwrap()}]))
        .with("endpoints", json!(endpoints))
}

impl Builder {
    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.0["metadata"]["labels"][key] = json!(value);
        self
    }

    pub(crate) fn annotation(mut self, key: &str, value: &str) -> Self {
        self.0["metadata"]["annotations"][key] = json!(value);
        self
    }

    /// Made in this second of 2026.
    pub(crate) fn created(mut self, second: u8) -> Self {
        self.0["metadata"]["creationTimestamp"] = json!(format!("2026-01-01T00:00:{second:02}Z"));
        self
    }

    /// Sets a field beside the spec.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.0[field] = value;
        self
    }

    pub(crate) fn build(self) -> Object {
        match Object::read(&self.0) {
            Reading::Object(object) => *object,
            other => panic!("{other:?}"),
        }
    }

    /// As it is written.
    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    pub(crate) fn key(&self) -> Arc<ObjectRef> {
        self.clone().build().key
    }

    pub(crate) fn apply(self) -> Event {
        Event::Apply(SourceId::Files, Box::new(self.build()))
    }

    pub(crate) fn delete(&self) -> Event {
        Event::Delete(SourceId::Files, self.key())
    }
}

pub(crate) fn store() -> Store {
    Store::new(Settings::default())
}

/// The snapshot of some objects.
pub(crate) fn snapshot(objects: impl IntoIterator<Item = Builder>) -> Arc<Snapshot> {
    let mut store = store();
    for object in objects {
        store.apply(object.apply());
    }
    store.commit()
}

/// The snapshot of objects with which nothing is wrong.
pub(crate) fn clean(objects: impl IntoIterator<Item = Builder>) -> Arc<Snapshot> {
    let snapshot = snapshot(objects);
    assert_eq!(*snapshot.issues, []);
    snapshot
}

pub(crate) fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

/// The one service of a host.
pub(crate) fn service<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Arc<Service> {
    snapshot.services.of_host(&host(name)).next().unwrap()
}

/// The endpoints of a host's one service.
pub(crate) fn endpoints<'a>(snapshot: &'a Snapshot, name: &str) -> &'a [Endpoint] {
    let key: ServiceKey = service(snapshot, name).key();
    snapshot.endpoints.get(&key).unwrap()
}

/// `field reason` of each issue.
pub(crate) fn found(issues: &[Issue]) -> Vec<String> {
    issues.iter().map(|i| format!("{} {}", i.field, i.reason)).collect()
}
