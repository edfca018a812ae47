//! A mesh of services with three pods each in ten namespaces, all seen by everyone, and changes to it.

use std::fmt::Write as _;
use std::sync::Arc;

use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_store::{Event, Object, Settings, SourceId, Store, documents};
use serde_json::json;

/// A change that differs with its number.
pub(crate) type Change = fn(usize) -> String;

/// A store with the mesh in it, and two revisions of which the second is newer by a change.
pub(crate) struct Mesh {
    pub(crate) store: Store,
    pub(crate) old: Arc<Snapshot>,
    pub(crate) new: Arc<Snapshot>,
}

impl Mesh {
    /// Of so many services.
    pub(crate) fn new(services: usize, change: Change) -> Self {
        let mut store = Store::new(Settings::default());
        for number in 0..services {
            apply(&mut store, objects(&service(number)));
        }
        apply(&mut store, objects(&change(0)));
        let old = store.commit();
        assert_eq!(old.services.len(), services);
        apply(&mut store, objects(&change(1)));
        let new = store.commit();
        assert_ne!(old.revision, new.revision, "the change changes nothing");
        Self { store, old, new }
    }
}

/// Applies objects.
pub(crate) fn apply(store: &mut Store, objects: Vec<Object>) {
    for object in objects {
        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    }
}

/// Reads objects.
pub(crate) fn objects(yaml: &str) -> Vec<Object> {
    let (objects, issues) = documents(yaml.as_bytes());
    assert_eq!(issues, []);
    objects
}

/// A sidecar of the first service.
pub(crate) fn sidecar() -> Proxy {
    let node = json!({
        "id": "sidecar~10.1.0.1~s0-0.ns0~ns0.svc.cluster.local",
        "metadata": {"NAMESPACE": "ns0", "LABELS": {"app": "s0"}, "INSTANCE_IPS": "10.1.0.1"},
        "userAgentName": "envoy",
        "userAgentBuildVersion": {"version": {"majorNumber": 1, "minorNumber": 40}},
    });
    let mut proxy = heddle_model::node::proxy(&node).unwrap();
    proxy.can.virtual_hosts = true;
    proxy
}

/// A VirtualService with another header.
pub(crate) fn virtual_service(number: usize) -> String {
    format!(
        "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: s0, namespace: ns0}}, spec: \
         {{hosts: \
         [s0], http: [{{route: [{{destination: {{host: s0}}}}], headers: {{request: {{set: {{x-turn: \
         \"{number}\"}}}}}}}}]}}}}"
    )
}

/// A DestinationRule with another number of connections.
pub(crate) fn destination_rule(number: usize) -> String {
    format!(
        "{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: s0, namespace: ns0}}, spec: \
         {{host: \
         s0, trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: {}}}}}}}}}}}",
        100 + number
    )
}

/// An EndpointSlice with another address.
pub(crate) fn endpoint_slice(number: usize) -> String {
    slice(0, &format!("10.9.{}.{}", number / 250, number % 250 + 1))
}

/// A Secret of a namespace without proxies, with another certificate.
pub(crate) fn foreign_secret(number: usize) -> String {
    let (crt, key) = (["YQ==", "Yg=="][number % 2], "aw==");
    format!(
        "{{apiVersion: v1, kind: Secret, metadata: {{name: cert, namespace: idle}}, type: kubernetes.io/tls, data: \
         {{tls.crt: \
         {crt}, tls.key: {key}}}}}"
    )
}

fn service(number: usize) -> String {
    let (namespace, high, low) = (number % 10, number / 250, number % 250 + 1);
    let labels = format!("{{app: s{number}}}");
    let mut yaml = format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: s{number}, namespace: ns{namespace}}}, spec: \
         {{clusterIP: \
         10.96.{high}.{low}, selector: {labels}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}}}\n---\n{}\n",
        slice(number, &format!("10.3.{high}.{low}")),
    );
    for pod in 1..=3 {
        // Writing to a string does not fail.
        let _ = write!(
            yaml,
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: s{number}-{pod}, namespace: ns{namespace}, labels: \
             {labels}}}, status: {{podIP: 10.{pod}.{high}.{low}}}}}\n"
        );
    }
    yaml
}

fn slice(number: usize, third: &str) -> String {
    let (namespace, high, low) = (number % 10, number / 250, number % 250 + 1);
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: s{number}, namespace: \
         ns{namespace}, labels: \
         {{kubernetes.io/service-name: s{number}}}}}, addressType: IPv4, ports: [{{name: http, port: 8080}}], \
         endpoints: \
         [{{addresses: [10.1.{high}.{low}]}}, {{addresses: [10.2.{high}.{low}]}}, {{addresses: [{third}]}}]}}"
    )
}
