//! The releases of Helm to which objects belong.

use std::collections::BTreeMap;

use serde_json::Value;

/// The commands that remove the releases of the objects, one for each namespace. Gateways come first, because they need
/// the control plane, and definitions last.
pub(super) fn commands(objects: &[Value]) -> Vec<String> {
    let mut releases: BTreeMap<(&str, &str), Order> = BTreeMap::new();
    for object in objects {
        let text = |key: &str| object["metadata"]["annotations"][key].as_str();
        let Some(name) = text("meta.helm.sh/release-name") else { continue };
        let namespace = text("meta.helm.sh/release-namespace").unwrap_or("default");
        let order = releases.entry((namespace, name)).or_insert(Order::Gateway);
        *order = (*order).max(Order::of(object));
    }
    let mut namespaces: BTreeMap<&str, Vec<(Order, &str)>> = BTreeMap::new();
    for ((namespace, name), order) in releases {
        namespaces.entry(namespace).or_default().push((order, name));
    }
    let command = |(namespace, mut releases): (&str, Vec<(Order, &str)>)| {
        releases.sort_unstable();
        let names: Vec<&str> = releases.into_iter().map(|(_, name)| name).collect();
        format!("helm uninstall {} --namespace {namespace}", names.join(" "))
    };
    namespaces.into_iter().map(command).collect()
}

/// The order of removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Gateway,
    ControlPlane,
    Base,
}

impl Order {
    /// The order of the release that has this object.
    fn of(object: &Value) -> Self {
        if object["kind"] == "CustomResourceDefinition" || object["metadata"]["name"] == "istiod-default-validator" {
            Self::Base
        } else if object["metadata"]["labels"]["app.kubernetes.io/name"] == "heddled" {
            Self::ControlPlane
        } else {
            Self::Gateway
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn releases_are_removed_in_the_reverse_order_of_installation() {
        let object = |release: &str, namespace: &str, kind: &str, name: &str, part: &str| {
            json!({"kind": kind, "metadata": {"name": name, "labels": {"app.kubernetes.io/name": part}, "annotations": {
                "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}}})
        };
        let objects = [
            object("base", "mesh", "ValidatingWebhookConfiguration", "istiod-default-validator", "heddled"),
            object("a-plane", "mesh", "Deployment", "istiod", "heddled"),
            object("way-in", "mesh", "Deployment", "way-in", "way-in"),
            object("way-in", "mesh", "Service", "way-in", "way-in"),
            object("other", "edge", "Deployment", "other", "other"),
            json!({"kind": "Service", "metadata": {"name": "of-nobody"}}),
        ];
        let want = ["helm uninstall other --namespace edge", "helm uninstall way-in a-plane base --namespace mesh"];
        assert_eq!(commands(&objects), want);
    }
}
