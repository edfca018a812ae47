//! Which part of the store each kind goes to.

use std::sync::Arc;

use heddle_model::{
    issue::Issue,
    mesh::Mesh,
    object::{Kind, ObjectRef, Origin},
};

use super::{Name, Store};
use crate::{
    ingest::{
        Report, authorization_policy, destination_rule, gateway, mesh, peer_authentication, proxy_config, secret,
        service, service_entry, sidecar, slice, virtual_service, workload,
    },
    kube, mesh_config,
    object::{Object, Spec},
};

impl Store {
    /// Ingests one object into its part, and notes what is wrong with it.
    pub(super) fn ingest(&mut self, object: &Arc<Object>) -> Vec<Issue> {
        let origin = object.origin();
        let mut report = Report::new(&origin.object);
        self.place(object, &origin, &mut report);
        let issues: Vec<Issue> = object.issues.iter().cloned().chain(report.into_issues()).collect();
        self.find(&object.key, &issues);
        issues
    }

    /// Puts what an object says into the part of its kind.
    fn place(&mut self, object: &Arc<Object>, origin: &Origin, report: &mut Report) {
        let (mesh, meta) = (self.mesh.clone(), &object.meta);
        let name: Name = (object.key.namespace.clone(), object.key.name.clone());
        match &object.spec {
            Spec::Malformed | Spec::ServiceAccount => {}
            Spec::Unsupported => report.unsupported(),
            Spec::MeshConfig(_) => self.stale.mesh = true,
            Spec::Namespace => self.set_namespace(object),
            Spec::Node => self.services.set_place(name.1, Some(workload::place(&meta.labels))),
            Spec::ConfigMap(map) => self.set_config_map(map, object),
            Spec::Secret(secret) => {
                let secret = secret::ingest(secret, origin, report);
                self.set_secret(name, secret);
            }
            Spec::Pod(pod) => {
                let pod = workload::pod(pod, meta, origin, self.services.place(&pod.spec.node_name));
                self.services.set_pod(name, pod);
            }
            Spec::Service(spec) => {
                let service = service::ingest(&spec.spec, meta, origin, &mesh, report);
                self.services.set_service(name, service);
            }
            Spec::EndpointSlice(spec) => {
                let service = meta.labels.get(slice::SERVICE_NAME).cloned();
                self.services.set_slice(name, service.map(|service| (service, (**spec).clone())));
            }
            Spec::Ingress(ingress) => {
                self.ingresses.set(name, Some((origin.clone(), meta.clone(), ingress.spec.clone())));
            }
            Spec::IngressClass(class) => {
                self.ingresses.set_class(name.1, Some(class.spec.controller.as_str().into()));
            }
            Spec::ServiceEntry(entry) => {
                let entry = service_entry::ingest(entry, meta, origin, &mesh, report);
                self.services.set_entry(name, entry);
            }
            Spec::WorkloadEntry(spec) => {
                let external = workload::external(spec, meta, origin, "spec", report);
                self.services.set_external(name, external);
            }
            Spec::VirtualService(spec) => {
                let value = virtual_service::ingest(spec, origin, &mesh, report);
                self.virtual_services.set(name, value);
            }
            Spec::DestinationRule(spec) => {
                self.destination_rules.set(name, destination_rule::ingest(spec, origin, &mesh, report));
            }
            Spec::Gateway(spec) => self.gateways.set(name, Some(gateway::ingest(spec, meta, origin, report))),
            Spec::Sidecar(spec) => {
                self.sidecars.set(name, Some(sidecar::ingest(spec, origin, &mesh, report)));
            }
            Spec::ProxyConfig(spec) => {
                self.proxy_settings.set(name, proxy_config::ingest(spec, origin, &mesh, report));
            }
            Spec::PeerAuthentication(_) | Spec::AuthorizationPolicy(_) => self.place_policy(object, origin, report),
        }
    }

    /// The same of the kinds that say who may call whom.
    fn place_policy(&mut self, object: &Object, origin: &Origin, report: &mut Report) {
        let name: Name = (object.key.namespace.clone(), object.key.name.clone());
        match &object.spec {
            Spec::PeerAuthentication(spec) => {
                let value = peer_authentication::ingest(spec, origin, &self.mesh, report);
                self.peer_authentications.set(name, value);
            }
            Spec::AuthorizationPolicy(spec) => {
                let value = authorization_policy::ingest(spec, &object.meta, origin, report);
                self.authorization_policies.set(name, value);
            }
            _ => {}
        }
    }

    /// Takes what came of an object away.
    pub(super) fn forget(&mut self, key: &ObjectRef) {
        let name: Name = (key.namespace.clone(), key.name.clone());
        match key.kind {
            Kind::ServiceAccount
            | Kind::File
            | Kind::Document
            | Kind::KubernetesGateway
            | Kind::EnvoyFilter
            | Kind::RequestAuthentication
            | Kind::Telemetry
            | Kind::TrafficExtension
            | Kind::WasmPlugin
            | Kind::WorkloadGroup => {}
            Kind::MeshConfig => self.stale.mesh = true,
            Kind::Namespace => {
                let known = self.namespaces.remove(&key.name).is_some();
                (self.stale.namespaces, self.stale.discovery) = (self.stale.namespaces | known, true);
            }
            Kind::Node => self.services.set_place(name.1, None),
            Kind::ConfigMap => {
                self.stale.mesh |= self.is_mesh_map(key);
                self.set_secret(map_name(key), None);
            }
            Kind::Secret => self.set_secret(name, None),
            Kind::Pod => self.services.set_pod(name, None),
            Kind::Service => self.services.set_service(name, None),
            Kind::EndpointSlice => self.services.set_slice(name, None),
            Kind::Ingress => self.ingresses.set(name, None),
            Kind::IngressClass => self.ingresses.set_class(name.1, None),
            Kind::ServiceEntry => self.services.set_entry(name, None),
            Kind::WorkloadEntry => self.services.set_external(name, None),
            Kind::VirtualService => self.virtual_services.set(name, None),
            Kind::DestinationRule => self.destination_rules.set(name, None),
            Kind::Gateway => self.gateways.set(name, None),
            Kind::Sidecar => self.sidecars.set(name, None),
            Kind::ProxyConfig => self.proxy_settings.set(name, None),
            Kind::PeerAuthentication => self.peer_authentications.set(name, None),
            Kind::AuthorizationPolicy => self.authorization_policies.set(name, None),
        }
    }

    /// Ingests the pods of a node again, whose place changed.
    pub(super) fn ingest_pods_of(&mut self, node: &str) {
        let on_node = |o: &&Arc<Object>| matches!(&o.spec, Spec::Pod(pod) if *pod.spec.node_name == *node);
        let pods: Vec<_> = self.objects().filter(on_node).cloned().collect();
        for pod in pods {
            self.ingest(&pod);
        }
    }

    /// The mesh's settings: the defaults, over them the ConfigMap, over that the file.
    pub(super) fn ingest_mesh(&mut self) -> Mesh {
        let mut mesh = mesh::defaults(&self.settings);
        let named = [&*format!("istio-{}", self.settings.revision), "istio"];
        let map = named.iter().find_map(|name| {
            self.get(&ObjectRef::new(Kind::ConfigMap, self.settings.namespace.clone(), *name)).cloned()
        });
        if let Some(map) = map {
            mesh = self.ingest_mesh_map(&map, mesh);
        }
        let file = self.get(&ObjectRef::new(Kind::MeshConfig, "", "mesh")).cloned();
        let Some(file) = file else { return mesh };
        if let Spec::MeshConfig(config) = &file.spec {
            let mut report = Report::new(&file.key);
            mesh = mesh::ingest(config, mesh, &mut report);
            mesh.origin = Some(file.key.clone());
            let issues: Vec<_> = file.issues.iter().cloned().chain(report.into_issues()).collect();
            self.find(&file.key, &issues);
        }
        mesh
    }

    fn ingest_mesh_map(&mut self, map: &Object, below: Mesh) -> Mesh {
        let Spec::ConfigMap(config) = &map.spec else { return below };
        let Some(Ok(decoded)) = mesh_config::of_map(config) else { return below };
        let mut report = Report::new(&map.key);
        for path in decoded.unknown {
            report.warning(path, "UnknownField", "there is no such field; it has no effect");
        }
        let mut mesh = mesh::ingest(&decoded.spec, below, &mut report);
        mesh.origin = Some(map.key.clone());
        self.find(&map.key, &report.into_issues());
        mesh
    }

    /// Why the mesh's settings in a ConfigMap cannot be read. Those of before stay then, as an object's version does.
    pub(super) fn unreadable_settings(&self, object: &Object) -> Option<Issue> {
        let Spec::ConfigMap(map) = &object.spec else { return None };
        let reason = self.is_mesh_map(&object.key).then(|| mesh_config::of_map(map))??.err()?;
        let message = format!("{reason}; the settings of before stay");
        Some(Issue::error(&object.key, mesh_config::IN_MAP, "Malformed", message))
    }

    fn is_mesh_map(&self, key: &ObjectRef) -> bool {
        let named = *key.name == *"istio" || key.name.strip_prefix("istio-") == Some(&*self.settings.revision);
        key.kind == Kind::ConfigMap && key.namespace == self.settings.namespace && key.cluster.is_empty() && named
    }

    fn set_config_map(&mut self, map: &kube::ConfigMap, object: &Object) {
        self.stale.mesh |= self.is_mesh_map(&object.key);
        self.set_secret(map_name(&object.key), secret::ingest_map(map, &object.origin()));
    }

    fn set_secret(&mut self, name: Name, secret: Option<heddle_model::secret::Secret>) {
        if self.secrets.get(&name).map(|s| &**s) == secret.as_ref() {
            return;
        }
        self.stale.secrets = true;
        match secret {
            Some(secret) => _ = self.secrets.insert(name, Arc::new(secret)),
            None => _ = self.secrets.remove(&name),
        }
    }

    fn set_namespace(&mut self, object: &Object) {
        let labels = &object.meta.labels;
        if self.namespaces.get(&object.key.name) != Some(labels) {
            self.namespaces.insert(object.key.name.clone(), labels.clone());
            (self.stale.namespaces, self.stale.discovery) = (true, true);
        }
    }
}

/// Secrets and ConfigMaps share one list.
fn map_name(key: &ObjectRef) -> Name {
    (key.namespace.clone(), format!("configmap://{}", key.name).into())
}
