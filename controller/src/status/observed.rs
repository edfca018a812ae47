//! The observed `.status` of an object, as far as it decides what is written. It comes with the event of the object, so
//! each revision of the mesh knows the generation of each object.

use std::sync::Arc;

use heddle_model::Text;
use heddle_model::map::SharedMap;
use heddle_model::object::{Kind, ObjectRef};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The label of objects that belong to one revision of the control plane.
const REVISION: &str = "istio.io/rev";

/// A change of observed statuses.
#[derive(Clone, Debug)]
pub(crate) enum ObservedStatus {
    /// An object exists.
    There(Arc<ObjectRef>, Arc<ObservedObject>),
    /// An object was deleted.
    Gone(Arc<ObjectRef>),
    /// All objects of a kind in a cluster.
    All(Text, Kind, Vec<(Arc<ObjectRef>, Arc<ObservedObject>)>),
}

/// The last observed state of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ObservedObject {
    /// The API version in which it is watched.
    pub version: Text,
    /// Its unique id.
    pub uid: Text,
    /// Its resource version.
    pub resource_version: Text,
    /// Its generation.
    pub generation: i64,
    /// Its revision of the control plane. It is empty if all revisions read it.
    pub revision: Text,
    /// Its status.
    pub status: Status,
    /// Its external addresses, if it is a Service or an Ingress.
    pub addresses: Vec<Address>,
}

/// An external address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    /// An IP address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
    /// A host name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
}

/// The status that all of Istio's kinds have. Other fields belong to others and are not changed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    /// The generation of the conditions.
    #[serde(deserialize_with = "number")]
    pub observed_generation: i64,
    /// All conditions, also those of others.
    #[serde(deserialize_with = "list")]
    pub conditions: Vec<Condition>,
    /// The messages of Istio's analysis.
    #[serde(deserialize_with = "list")]
    pub validation_messages: Vec<Message>,
}

/// A condition.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    /// The type of the condition.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The reason, one word.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The message for the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The time of the last probe.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_probe_time: String,
    /// The time of the last change.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_transition_time: String,
    /// The observed generation.
    #[serde(deserialize_with = "number", skip_serializing_if = "is_zero")]
    pub observed_generation: i64,
}

/// A message in the form of Istio's analysis.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Message {
    /// The kind of the message.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// `ERROR`, `WARNING` or `INFO`.
    pub level: String,
    /// The documentation of the message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub documentation_url: String,
}

/// The name and the code of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct MessageKind {
    /// Its code in Istio's list. It is empty if Istio has no such message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Its name.
    pub name: String,
}

impl ObservedObject {
    /// Extracts the observed state of an object.
    pub(crate) fn of(object: &Value, version: &str) -> Self {
        let meta = &object["metadata"];
        let text = |value: &Value| Text::from(value.as_str().unwrap_or_default());
        Self {
            version: version.into(),
            uid: text(&meta["uid"]),
            resource_version: text(&meta["resourceVersion"]),
            generation: meta["generation"].as_i64().unwrap_or_default(),
            revision: text(&meta["labels"][REVISION]),
            status: Status::deserialize(&object["status"]).unwrap_or_default(),
            addresses: addresses(object),
        }
    }
}

impl ObservedStatus {
    /// Updates the list of all objects.
    pub(crate) fn note(self, all: &mut SharedMap<Arc<ObjectRef>, Arc<ObservedObject>>) {
        match self {
            Self::There(key, seen) => all.insert(key, seen),
            Self::Gone(key) => all.remove(&key),
            Self::All(cluster, kind, listed) => {
                let keys = all.iter().map(|(key, _)| key).filter(|key| key.kind == kind && key.cluster == cluster);
                for key in keys.cloned().collect::<Vec<_>>() {
                    all.remove(&key);
                }
                for (key, seen) in listed {
                    all.insert(key, seen);
                }
            }
        }
    }
}

/// The addresses of its load balancer and its external IPs, or its external name.
fn addresses(object: &Value) -> Vec<Address> {
    let spec = &object["spec"];
    if spec["type"] == "ExternalName" {
        let name = spec["externalName"].as_str().unwrap_or_default();
        return vec![Address { hostname: name.into(), ..Address::default() }];
    }
    let mut all: Vec<Address> = Vec::deserialize(&object["status"]["loadBalancer"]["ingress"]).unwrap_or_default();
    let others = spec["externalIPs"].as_array().into_iter().flatten().filter_map(Value::as_str);
    all.extend(others.map(|ip| Address { ip: ip.into(), ..Address::default() }));
    all
}

/// Reads a list. Any other value counts as an empty list.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a number, or a string of digits, which Istio writes.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_i64().unwrap_or_default(),
        Value::String(digits) => digits.parse().unwrap_or_default(),
        _ => 0,
    })
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}
