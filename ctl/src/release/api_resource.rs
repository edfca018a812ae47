//! The kinds of objects of an installation, and their paths at the API server.

use anyhow::{Context, Result};
use serde_json::Value;

/// A kind, as an API server has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ApiResource {
    /// Its name.
    pub(crate) name: &'static str,
    api_version: &'static str,
    plural: &'static str,
    is_namespaced: bool,
}

const fn kind(name: &'static str, api_version: &'static str, plural: &'static str, is_namespaced: bool) -> ApiResource {
    ApiResource { name, api_version, plural, is_namespaced }
}

/// All kinds, in the order of installation: dependencies come first.
pub(crate) static API_RESOURCES: [ApiResource; 16] = [
    kind("CustomResourceDefinition", "apiextensions.k8s.io/v1", "customresourcedefinitions", false),
    kind("Namespace", "v1", "namespaces", false),
    kind("ServiceAccount", "v1", "serviceaccounts", true),
    kind("ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", false),
    kind("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings", false),
    kind("Role", "rbac.authorization.k8s.io/v1", "roles", true),
    kind("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", true),
    kind("ConfigMap", "v1", "configmaps", true),
    kind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", true),
    kind("Service", "v1", "services", true),
    // Workloads come after the injection webhook. A gateway's pod without a proxy would never be recreated. A refused
    // pod is created again.
    kind("MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", false),
    kind("Deployment", "apps/v1", "deployments", true),
    kind("DaemonSet", "apps/v1", "daemonsets", true),
    kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", true),
    kind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers", true),
    kind("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", false),
];

impl ApiResource {
    /// The path of all objects of the kind.
    pub(crate) fn all(&self) -> String {
        let api = if self.api_version == "v1" { "api" } else { "apis" };
        format!("/{api}/{}/{}", self.api_version, self.plural)
    }

    /// Its API group and resource, as RBAC names them.
    pub(crate) fn resource(&self) -> (&'static str, &'static str) {
        (self.api_version.split_once('/').map_or("", |(group, _)| group), self.plural)
    }

    fn one(&self, namespace: &str, name: &str) -> String {
        let api = if self.api_version == "v1" { "api" } else { "apis" };
        let namespace = if self.is_namespaced { format!("/namespaces/{namespace}") } else { String::new() };
        format!("/{api}/{}{namespace}/{}/{name}", self.api_version, self.plural)
    }
}

/// The path of an object of one of these kinds.
pub(crate) fn path(object: &Value) -> Result<String> {
    let found =
        API_RESOURCES.iter().find(|kind| object["kind"] == kind.name && object["apiVersion"] == kind.api_version);
    let kind = found.with_context(|| format!("no kind of an installation: {}", title(object)))?;
    Ok(kind.one(text(object, "namespace"), text(object, "name")))
}

/// `Deployment istio-system/istiod`
pub(crate) fn title(object: &Value) -> String {
    let namespace = Some(text(object, "namespace")).filter(|namespace| !namespace.is_empty());
    let namespace = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{} {namespace}{}", object["kind"].as_str().unwrap_or_default(), text(object, "name"))
}

/// Sorts objects by kind, then by name.
pub(super) fn sort(objects: &mut [Value]) {
    let place = |object: &Value| {
        API_RESOURCES.iter().position(|kind| object["kind"] == kind.name).unwrap_or(API_RESOURCES.len())
    };
    let name = |object: &Value| (text(object, "namespace").to_owned(), text(object, "name").to_owned());
    objects.sort_by_key(|object| (place(object), name(object)));
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}
