//! What injection must know of a pod beside the pod itself and the operator's settings.

use std::collections::BTreeMap;

use serde_json::Value;

/// What the caller knows of the pod. Nothing of it is in the pod: the webhook learns it from the request and the
/// cluster,
/// `kube-inject` from the object that the pod's template stands in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// The namespace that the pod is created in; a pod's own, if it has one, must be the same. Empty is `default`.
    pub namespace: String,
    /// The workload that the pod's template belongs to. None: it is found by the pod's owner references.
    pub workload: Option<Workload>,
    /// Further environment of the proxy, from the webhook's path (`/inject/cluster/<c>/net/<n>`); see [`environment`].
    pub environment: BTreeMap<String, String>,
    /// Whether a sidecar is a native one (an init container that restarts) where the pod does not say.
    pub native: bool,
    /// The ProxyConfig resources of the root namespace and of the pod's, the oldest first.
    pub proxy_configs: Vec<ProxyConfig>,
}

/// The workload that a pod belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload {
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A ProxyConfig resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyConfig {
    /// Its namespace.
    pub namespace: String,
    /// Its `spec`.
    pub spec: Value,
}

/// Reads the part of the webhook's path after `/inject`: pairs of name and value, where `cluster` and `net` stand for
/// the variables of the cluster and the network, other names for themselves in capitals, and `--slash--` for a slash.
/// The older spelling is `:ENV:name=value:ENV:name=value`.
#[must_use]
pub fn environment(path: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Some(list) = path.trim_start_matches('/').strip_prefix(":ENV:") {
        for (name, value) in list.split(":ENV:").filter_map(|pair| pair.split_once('=')) {
            found.insert(name.to_owned(), value.to_owned());
        }
        return found;
    }
    let mut parts = path.trim_matches('/').split('/');
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        let name = match name {
            "" => continue,
            "cluster" => "ISTIO_META_CLUSTER_ID".to_owned(),
            "net" => "ISTIO_META_NETWORK".to_owned(),
            other => other.to_uppercase(),
        };
        found.insert(name, value.replace("--slash--", "/"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::environment;

    #[test]
    fn the_path_says_where_the_pod_runs() {
        let read = |path| environment(path).into_iter().collect::<Vec<_>>();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("/cluster/c1--slash--a/net/n1/foo/bar"),
            [pair("FOO", "bar"), pair("ISTIO_META_CLUSTER_ID", "c1/a"), pair("ISTIO_META_NETWORK", "n1")]
        );
        assert_eq!(read("/:ENV:A=b=c:ENV:D=e"), [pair("A", "b=c"), pair("D", "e")]);
        assert_eq!(read("/"), []);
        assert_eq!(read("/net"), []);
    }
}
