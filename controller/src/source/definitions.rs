//! The custom kinds that the API server serves. CustomResourceDefinitions come and go at run time.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::ClusterResourceScope;
use serde::Deserialize;

/// The served versions, by the name of the definition (`<plural>.<group>`).
pub(crate) type Definitions = BTreeMap<String, Vec<String>>;

/// A CustomResourceDefinition without its long schemas.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Definition {
    metadata: ObjectMeta,
    spec: DefinitionSpec,
    status: DefinitionStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct DefinitionSpec {
    versions: Vec<Version>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Version {
    name: String,
    served: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct DefinitionStatus {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

impl Definition {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// The served versions. They are empty until the API server has established the definition.
    pub(crate) fn served(&self) -> Vec<String> {
        let established = |condition: &Condition| condition.kind == "Established" && condition.status == "True";
        if !self.status.conditions.iter().any(established) || self.metadata.deletion_timestamp.is_some() {
            return Vec::new();
        }
        self.spec.versions.iter().filter(|version| version.served).map(|version| version.name.clone()).collect()
    }
}

impl Resource for Definition {
    type DynamicType = ();
    type Scope = ClusterResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "CustomResourceDefinition".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "apiextensions.k8s.io".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "customresourcedefinitions".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
