//! An object as the API server sent it. It always decodes: what its fields mean is for the store to say, which takes
//! one object out where they mean nothing. A type of Kubernetes' own would end the watch of all.

use heddle_model::Text;
use heddle_model::object::{Kind, ObjectRef};
use heddle_store::{Object, object::Reading};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicResourceScope;
use kube::{Resource, discovery::ApiResource};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

use crate::status::ObservedObject;

/// A whole object, less what nobody reads, with the few names that following a watch needs.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    meta: ObjectMeta,
    value: Value,
}

impl Raw {
    /// The object as the store reads it; none where it has no name.
    pub(crate) fn read(mut self, cluster: &Text, kind: Kind, api_version: &str) -> Option<Object> {
        // Objects in lists do not say what they are.
        let members = self.value.as_object_mut()?;
        members.insert("apiVersion".into(), api_version.into());
        members.insert("kind".into(), kind.name().into());
        match Object::read_in(cluster, &self.value) {
            Reading::Object(object) => Some(*object),
            Reading::Other { .. } | Reading::Not(_) => None,
        }
    }

    /// Which object it is.
    pub(crate) fn key(&self, cluster: &Text, kind: Kind) -> Arc<ObjectRef> {
        let text = |name: &Option<String>| name.as_deref().unwrap_or_default().to_owned();
        Arc::new(ObjectRef::new(kind, text(&self.meta.namespace), text(&self.meta.name)).in_cluster(cluster))
    }

    /// What it says of its status.
    pub(crate) fn seen(&self, version: &str) -> ObservedObject {
        ObservedObject::of(&self.value, version)
    }

    /// A text inside it, by JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            // As long as the rest of the object, often.
            metadata.swap_remove("managedFields");
        }
        let named = |field: &str| value.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
        let text = |field: &str| named(field).map(str::to_owned);
        let meta = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Ok(Self { meta, value })
    }
}

impl Resource for Raw {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        of.kind.as_str().into()
    }

    fn group(of: &ApiResource) -> Cow<'_, str> {
        of.group.as_str().into()
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        of.version.as_str().into()
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        of.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_it_holds_it_decodes() {
        for value in [json!(null), json!(7), json!({"metadata": 7}), json!({"metadata": {"name": 7, "labels": []}})] {
            let raw: Raw = serde_json::from_value(value).unwrap();
            assert!(raw.read(&Text::default(), Kind::Pod, "v1").is_none());
        }
    }

    #[test]
    fn an_object_of_a_list_is_read_without_saying_its_kind() {
        let value = json!({"metadata": {"name": "a", "namespace": "shop", "resourceVersion": "5",
            "managedFields": [{"manager": "kubectl"}]}, "spec": {"hosts": 7}});
        let (raw, west): (Raw, Text) = (serde_json::from_value(value).unwrap(), "west".into());
        assert_eq!(raw.text("/metadata/managedFields/0/manager"), "");
        assert_eq!(
            (&*raw.key(&west, Kind::ServiceEntry), raw.meta().resource_version.as_deref()),
            (&ObjectRef::new(Kind::ServiceEntry, "shop", "a").in_cluster(&west), Some("5"))
        );
        let object = raw.read(&west, Kind::ServiceEntry, "networking.istio.io/v1").unwrap();
        assert_eq!(object.issues[0].reason, "Malformed");
        assert_eq!(object.issues[0].object.cluster, west);
    }
}
