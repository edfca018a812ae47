//! The objects that are analyzed together, by kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use heddle_crds::kind::IstioKind;
use heddle_crds::mesh::MeshConfig;
use heddle_crds::networking::{
    destination_rule, envoy_filter, gateway, proxy_config, service_entry, sidecar, virtual_service, workload_entry,
};
use heddle_crds::security::{authorization_policy, request_authentication};
use heddle_crds::{ObjectMeta, extensions, telemetry};
use heddle_model::issue::Issue;
use k8s_openapi::api::apps::v1::DeploymentSpec;
use k8s_openapi::api::core::v1::{PodSpec, ServiceSpec};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kubernetes::{self, Defined, KubernetesGateway, Webhook};
use crate::networks::MeshNetworks;
use crate::object::{Identity, Object, conditions};

/// The namespace in which the control plane is unless something else is said.
const SYSTEM_NAMESPACE: &str = "istio-system";
/// The DNS domain of most clusters.
const DOMAIN: &str = "cluster.local";
/// The annotation by which an object suppresses codes.
const SUPPRESS: &str = "galley.istio.io/analyze-suppress";

/// What became of an object that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// Analyzers see it.
    Seen(Arc<Identity>),
    /// No analyzer needs its kind.
    Ignored,
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// How an object is added.
#[derive(Clone, Copy, Debug)]
pub struct AddOptions<'a> {
    /// The namespace of an object that names none.
    pub namespace: &'a str,
    /// Whether the object is only assumed to exist, so that it has no findings.
    pub is_assumed: bool,
}

/// Declares the kinds that analyzers read. A line is the field, the type, the API group, the kind, whether its objects
/// are in namespaces, and the function that reads the content.
macro_rules! world {
    ($($field:ident: $type:ty = $group:literal, $kind:literal, $namespaced:literal, $read:path;)*) => {
        /// Objects, sorted by namespace and name, and the settings of their mesh.
        #[derive(Clone, Debug, Default)]
        pub struct World {
            $(pub(crate) $field: Vec<Object<$type>>,)*
            /// All objects of Istio's kinds, as JSON.
            pub(crate) custom: Vec<Object<(IstioKind, Value)>>,
            /// The settings of the mesh.
            pub(crate) mesh: MeshConfig,
            /// The networks of the mesh.
            pub(crate) networks: MeshNetworks,
            /// The DNS domain of the cluster; empty for the usual one.
            pub(crate) domain: String,
            /// The services of other clusters, by the name of the cluster.
            pub(crate) remote_services: BTreeMap<String, Vec<Object<ServiceSpec>>>,
            /// What the control plane would say of the objects.
            pub(crate) issues: Vec<Issue>,
            /// Seconds since 1970. Without it, no certificate counts as expired.
            pub(crate) now: Option<i64>,
        }

        impl World {
            /// The kinds that analyzers read, with their API groups.
            pub const KINDS: &[(&str, &str)] = &[$(($group, $kind),)*];

            fn add_typed(&mut self, group: &str, kind: &str, value: &Value, options: AddOptions<'_>) -> Added {
                match (group, kind) {
                    $(($group, $kind) => {
                        let spec = match $read(value) {
                            Ok(spec) => spec,
                            Err(reason) => return Added::Unreadable(reason),
                        };
                        let named = Named { group: $group, kind: $kind, is_namespaced: $namespaced };
                        let object = match named.object(value, options, spec) {
                            Ok(object) => object,
                            Err(reason) => return Added::Unreadable(reason),
                        };
                        let identity = object.identity.clone();
                        insert(&mut self.$field, object);
                        Added::Seen(identity)
                    })*
                    _ => Added::Ignored,
                }
            }
        }
    };
}

world! {
    namespaces: () = "", "Namespace", false, kubernetes::nothing;
    pods: PodSpec = "", "Pod", true, kubernetes::spec;
    services: ServiceSpec = "", "Service", true, kubernetes::spec;
    nodes: () = "", "Node", false, kubernetes::nothing;
    secrets: BTreeMap<String, Vec<u8>> = "", "Secret", true, kubernetes::secret;
    config_maps: BTreeMap<String, String> = "", "ConfigMap", true, kubernetes::config_map;
    deployments: DeploymentSpec = "apps", "Deployment", true, kubernetes::spec;
    definitions: Defined = "apiextensions.k8s.io", "CustomResourceDefinition", false, kubernetes::definition;
    mutating_webhooks: Vec<Webhook> =
        "admissionregistration.k8s.io", "MutatingWebhookConfiguration", false, kubernetes::webhooks;
    validating_webhooks: Vec<Webhook> =
        "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false, kubernetes::webhooks;
    kubernetes_gateways: KubernetesGateway = "gateway.networking.k8s.io", "Gateway", true, kubernetes::spec;
    virtual_services: virtual_service::Spec = "networking.istio.io", "VirtualService", true, custom;
    destination_rules: destination_rule::Spec = "networking.istio.io", "DestinationRule", true, custom;
    gateways: gateway::Spec = "networking.istio.io", "Gateway", true, custom;
    service_entries: service_entry::Spec = "networking.istio.io", "ServiceEntry", true, custom;
    sidecars: sidecar::Spec = "networking.istio.io", "Sidecar", true, custom;
    envoy_filters: envoy_filter::Spec = "networking.istio.io", "EnvoyFilter", true, custom;
    proxy_configs: proxy_config::Spec = "networking.istio.io", "ProxyConfig", true, custom;
    workload_entries: workload_entry::Spec = "networking.istio.io", "WorkloadEntry", true, custom;
    workload_groups: () = "networking.istio.io", "WorkloadGroup", true, kubernetes::nothing;
    authorization_policies: authorization_policy::Spec = "security.istio.io", "AuthorizationPolicy", true, custom;
    peer_authentications: () = "security.istio.io", "PeerAuthentication", true, kubernetes::nothing;
    request_authentications: request_authentication::Spec =
        "security.istio.io", "RequestAuthentication", true, custom;
    telemetries: telemetry::Spec = "telemetry.istio.io", "Telemetry", true, custom;
    wasm_plugins: extensions::wasm_plugin::Spec = "extensions.istio.io", "WasmPlugin", true, custom;
    traffic_extensions: () = "extensions.istio.io", "TrafficExtension", true, kubernetes::nothing;
}

impl World {
    /// Adds an object. It takes the place of an earlier one of the same kind, namespace and name.
    pub fn add(&mut self, value: &Value, options: AddOptions<'_>) -> Added {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let group = version.rsplit_once('/').map_or("", |(group, _)| group);
        let Some(custom) = IstioKind::of(version, kind) else {
            return self.add_typed(group, kind, value, options);
        };
        // An object that its type cannot hold is left to the analyzer of its schema.
        let named = Named { group: custom.info().group, kind: custom.name(), is_namespaced: true };
        let object = match named.object(value, options, (custom, value.clone())) {
            Ok(object) => object,
            Err(reason) => return Added::Unreadable(reason),
        };
        let identity = object.identity.clone();
        insert(&mut self.custom, object);
        self.add_typed(group, kind, value, options);
        Added::Seen(identity)
    }

    /// Adds a Service of another cluster. Objects of other kinds are ignored.
    pub fn add_remote(&mut self, cluster: &str, value: &Value) -> Added {
        let options = AddOptions { namespace: "default", is_assumed: true };
        let mut other = Self::default();
        let added = other.add(value, options);
        let services = self.remote_services.entry(cluster.to_owned()).or_default();
        for service in other.services {
            insert(services, service);
        }
        added
    }

    /// Sets the mesh's settings and networks, and the time in seconds since 1970.
    #[must_use]
    pub fn with(mut self, mesh: MeshConfig, networks: MeshNetworks, now: Option<i64>) -> Self {
        (self.mesh, self.networks, self.now) = (mesh, networks, now);
        self
    }

    /// Sets the DNS domain of the cluster.
    #[must_use]
    pub fn with_domain(mut self, domain: &str) -> Self {
        domain.clone_into(&mut self.domain);
        self
    }

    /// Sets what the control plane would say of the objects.
    #[must_use]
    pub fn with_issues(mut self, issues: Vec<Issue>) -> Self {
        self.issues = issues;
        self
    }

    /// What names an object of Istio's kinds or a Service, if it is known.
    pub(crate) fn identity(&self, kind: &str, group: &str, namespace: &str, name: &str) -> Option<Arc<Identity>> {
        let services = within(&self.services, namespace).iter().map(|one| &one.identity);
        let mut all = within(&self.custom, namespace).iter().map(|one| &one.identity).chain(services);
        all.find(|one| (one.kind, one.group, one.name.as_str()) == (kind, group, name)).cloned()
    }

    /// The DNS domain of the cluster.
    pub(crate) fn domain(&self) -> &str {
        if self.domain.is_empty() { DOMAIN } else { &self.domain }
    }

    /// The namespace whose policies hold for the whole mesh.
    pub(crate) fn root_namespace(&self) -> &str {
        self.mesh.root_namespace.as_deref().filter(|name| !name.is_empty()).unwrap_or(SYSTEM_NAMESPACE)
    }

    /// The pods of a namespace.
    pub(crate) fn pods_in(&self, namespace: &str) -> &[Object<PodSpec>] {
        within(&self.pods, namespace)
    }

    /// The services of a namespace.
    pub(crate) fn services_in(&self, namespace: &str) -> &[Object<ServiceSpec>] {
        within(&self.services, namespace)
    }

    /// The namespace of this name, if it is known.
    pub(crate) fn namespace(&self, name: &str) -> Option<&Object<()>> {
        find(&self.namespaces, "", name)
    }
}

/// The objects of a namespace.
pub(crate) fn within<'a, T>(objects: &'a [Object<T>], namespace: &str) -> &'a [Object<T>] {
    let begin = objects.partition_point(|object| object.namespace() < namespace);
    let end = begin + objects[begin..].partition_point(|object| object.namespace() == namespace);
    &objects[begin..end]
}

/// The object of a namespace and name.
pub(crate) fn find<'a, T>(objects: &'a [Object<T>], namespace: &str, name: &str) -> Option<&'a Object<T>> {
    let key = |object: &Object<T>| (object.namespace(), object.name()).cmp(&(namespace, name));
    objects.binary_search_by(key).ok().and_then(|index| objects.get(index))
}

/// What is known of a kind.
struct Named {
    group: &'static str,
    kind: &'static str,
    is_namespaced: bool,
}

impl Named {
    fn object<T>(&self, value: &Value, options: AddOptions<'_>, spec: T) -> Result<Object<T>, String> {
        let meta = value.get("metadata").unwrap_or(&Value::Null);
        let meta = heddle_crds::decode::decode_at::<ObjectMeta>("metadata", meta);
        let meta = meta.map_err(|error| format!("{}: {}", error.path, error.reason))?.spec;
        let namespace = match (self.is_namespaced, meta.namespace.as_str()) {
            (false, _) => "",
            (true, "") => options.namespace,
            (true, written) => written,
        };
        let suppressed = meta.annotations.get(SUPPRESS).map(String::as_str).unwrap_or_default();
        let codes = suppressed.split(',').map(str::trim).filter(|code| !code.is_empty());
        let identity = Identity {
            namespace: namespace.to_owned(),
            name: meta.name.clone(),
            kind: self.kind,
            group: self.group,
            is_namespace_written: !meta.namespace.is_empty(),
            suppressed: codes.map(str::to_owned).collect(),
            is_assumed: options.is_assumed,
        };
        let addresses = value.pointer("/status/addresses").and_then(Value::as_array);
        Ok(Object {
            identity: Arc::new(identity),
            meta,
            spec,
            conditions: conditions(value),
            has_allocated_addresses: addresses.is_some_and(|addresses| !addresses.is_empty()),
        })
    }
}

/// Keeps the list sorted. An object of the same kind and name is replaced.
fn insert<T>(objects: &mut Vec<Object<T>>, object: Object<T>) {
    let key = |of: &Object<T>| {
        let (of, new) = (&of.identity, &object.identity);
        (&of.namespace, &of.name, of.kind, of.group).cmp(&(&new.namespace, &new.name, new.kind, new.group))
    };
    match objects.binary_search_by(key) {
        Ok(index) => objects[index] = object,
        Err(index) => objects.insert(index, object),
    }
}

/// Reads the `spec` of a custom resource. Fields that the type does not have are ignored here.
fn custom<T: DeserializeOwned + Default>(object: &Value) -> Result<T, String> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    heddle_crds::decode(spec).map(|read| read.spec).map_err(|error| format!("{}: {}", error.path, error.reason))
}
