//! What the store makes of events.

use std::sync::Arc;

use heddle_model::{host::Host, service::ServiceRegistry, snapshot::Snapshot};

use super::Store;
use crate::{Event, SourceId, documents, settings::Settings};

const THREAD: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.0.0.1
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
- addresses: [10.1.0.1]
  targetRef: {kind: Pod, name: web-a, namespace: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web-a, namespace: shop, labels: {app: web, version: v1, security.istio.io/tlsMode: istio}}
spec: {serviceAccountName: web}
status: {phase: Running, podIP: 10.1.0.1, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
  - route: [{destination: {host: web, subset: v1}}]
";

fn store() -> Store {
    Store::new(Settings::default())
}

fn load(store: &mut Store, text: &str) -> Arc<Snapshot> {
    let (objects, issues) = documents(text.as_bytes());
    assert_eq!(issues, []);
    for object in objects {
        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    }
    store.commit()
}

#[test]
fn one_thread_from_yaml_to_snapshot() {
    let mut store = store();
    let snapshot = load(&mut store, THREAD);
    assert_eq!(*snapshot.issues, []);
    let host = Host::parse("web.shop.svc.cluster.local").unwrap();
    let service = snapshot.services.of_host(&host).next().unwrap();
    assert_eq!(service.registry, ServiceRegistry::Kubernetes);
    let endpoints = snapshot.endpoints.get(&service.key()).unwrap();
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0].port, 8080);
    assert_eq!(endpoints[0].identity.as_ref().unwrap().to_string(), "spiffe://cluster.local/ns/shop/sa/web");
    assert!(endpoints[0].mtls);
    assert_eq!(snapshot.virtual_services.values().next().unwrap().reach.hosts, [host]);
    let again = load(&mut store, THREAD);
    assert!(Arc::ptr_eq(&snapshot, &again));
}
