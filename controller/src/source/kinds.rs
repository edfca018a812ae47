//! How each kind is watched at an API server. Kinds without effect are watched too, so that each object says so in its
//! status. Nothing of their specs is kept.

use heddle_model::object::Kind;
use heddle_store::custom_kind;
use kube::discovery::ApiResource;

/// Secrets that a gateway never uses: tokens, releases of Helm, which are large, and the authority's key.
const GATEWAY_SECRETS: &str =
    "type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1,type!=istio.io/ca-root";

/// A kind of the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    /// The kind.
    pub kind: Kind,
    /// Its plural name.
    pub plural: String,
    /// Whether a CustomResourceDefinition defines it, which may be missing.
    pub custom: bool,
    /// The only namespace that is watched. `None` is all namespaces.
    pub namespace: Option<String>,
    /// A field selector, which reduces the data.
    pub fields: Option<&'static str>,
}

/// All watched kinds. Settings (ConfigMaps) are watched only in the namespace of the control plane.
#[must_use]
pub(crate) fn watched(namespace: &str) -> Vec<Watched> {
    let read = |kind: &Kind| !matches!(kind, Kind::MeshConfig | Kind::ServiceAccount);
    Kind::all().filter(read).map(|kind| Watched::new(kind, namespace)).collect()
}

/// The API resource of a kind in a version.
#[must_use]
pub(crate) fn resource(kind: Kind, version: &str) -> ApiResource {
    Watched::new(kind, "").resource(version)
}

impl Watched {
    fn new(kind: Kind, namespace: &str) -> Self {
        let custom = custom_kind(kind);
        let plural = custom.map_or_else(|| plural(kind), |of| of.info().plural.into());
        Self {
            kind,
            plural,
            custom: custom.is_some(),
            namespace: (kind == Kind::ConfigMap).then(|| namespace.into()),
            fields: (kind == Kind::Secret).then_some(GATEWAY_SECRETS),
        }
    }

    /// The name of its CustomResourceDefinition.
    #[must_use]
    pub(crate) fn definition(&self) -> String {
        format!("{}.{}", self.plural, self.kind.group())
    }

    /// The version to watch: of the served versions, the first that we read, in Kubernetes' order of versions. All
    /// versions have the same schema.
    #[must_use]
    pub(crate) fn version(&self, served: &[String]) -> Option<&'static str> {
        let read = |version: &&str| Kind::of(&format!("{}/{version}", self.kind.group()), self.kind.name()).is_some();
        let ranked = ["v1", "v1beta1", "v1alpha3", "v1alpha1"].into_iter().filter(read);
        ranked.into_iter().find(|version| served.iter().any(|name| name == version))
    }

    /// The API resource of this kind.
    #[must_use]
    pub(crate) fn resource(&self, version: &str) -> ApiResource {
        let group = self.kind.group();
        ApiResource {
            group: group.into(),
            version: version.into(),
            api_version: if group.is_empty() { version.into() } else { format!("{group}/{version}") },
            kind: self.kind.name().into(),
            plural: self.plural.clone(),
        }
    }
}

/// The plural name of a built-in kind.
fn plural(kind: Kind) -> String {
    let name = kind.name().to_lowercase();
    let ending = if name.ends_with('s') { "es" } else { "s" };
    name + ending
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind) -> Watched {
        watched("istio-system").into_iter().find(|watched| watched.kind == kind).unwrap()
    }

    #[test]
    fn kinds_are_asked_for_by_their_names_in_paths() {
        let (entry, slice, pod) = (of(Kind::ServiceEntry), of(Kind::EndpointSlice), of(Kind::Pod));
        assert_eq!(entry.definition(), "serviceentries.networking.istio.io");
        assert!(entry.custom && !slice.custom && !pod.custom);
        assert_eq!(slice.resource("v1").api_version, "discovery.k8s.io/v1");
        assert_eq!((slice.plural.as_str(), pod.plural.as_str()), ("endpointslices", "pods"));
        assert_eq!(pod.resource("v1").api_version, "v1");
        assert_eq!(of(Kind::ConfigMap).namespace.as_deref(), Some("istio-system"));
    }

    #[test]
    fn the_best_version_that_is_served_and_read_is_asked_for() {
        let served = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let entry = of(Kind::ServiceEntry);
        assert_eq!(entry.version(&served(&["v1alpha3", "v1beta1", "v1"])), Some("v1"));
        assert_eq!(entry.version(&served(&["v1alpha3", "v1beta1"])), Some("v1beta1"));
        assert_eq!(entry.version(&served(&["v2"])), None);
    }
}
