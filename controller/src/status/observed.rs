//! What an object's `.status` says already, as far as it decides what is written. It travels with the event of the object,
//! so that whoever sees a revision of the mesh sees which generation of each object it was made of.

use std::sync::Arc;

use heddle_model::Text;
use heddle_model::map::SharedMap;
use heddle_model::object::{Kind, ObjectRef};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The label of objects that belong to one revision of the control plane.
const REVISION: &str = "istio.io/rev";

/// What an event says of objects' statuses.
#[derive(Clone, Debug)]
pub(crate) enum ObservedStatus {
    /// An object is there.
    There(Arc<ObjectRef>, Arc<ObservedObject>),
    /// An object is gone.
    Gone(Arc<ObjectRef>),
    /// All objects of a kind in a cluster.
    All(Text, Kind, Vec<(Arc<ObjectRef>, Arc<ObservedObject>)>),
}

/// One object, as the API server last showed it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ObservedObject {
    /// The version of its kind in which it is watched.
    pub version: Text,
    /// Its state, as the API server numbers them.
    pub resource_version: Text,
    /// Counts the changes of its spec.
    pub generation: i64,
    /// The revision of the control plane to which it belongs; empty when all read it.
    pub revision: Text,
    /// Its status.
    pub status: Status,
    /// Where it is reached from outside, if it is a Service or an Ingress.
    pub addresses: Vec<Address>,
}

/// Where something is reached from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    /// An address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
    /// Or a name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
}

/// The status that all of Istio's kinds have. What else one holds is not ours, and is left alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    /// The generation that the conditions are about.
    #[serde(deserialize_with = "number")]
    pub observed_generation: i64,
    /// The conditions, ours and others'.
    #[serde(deserialize_with = "list")]
    pub conditions: Vec<Condition>,
    /// What is wrong, in the words of Istio's analysis.
    #[serde(deserialize_with = "list")]
    pub validation_messages: Vec<Message>,
}

/// One thing that is so or not.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    /// Which.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why, for a person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When somebody last looked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_probe_time: String,
    /// Since when it is so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_transition_time: String,
    /// The generation that it is about.
    #[serde(deserialize_with = "number", skip_serializing_if = "is_zero")]
    pub observed_generation: i64,
}

/// One finding, in the shape of Istio's analysis.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Message {
    /// Which message of Istio's list.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// `ERROR`, `WARNING` or `INFO`.
    pub level: String,
    /// Where more is said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub documentation_url: String,
}

/// A message's name and number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct MessageKind {
    /// Its number in Istio's list; empty where Istio has no such message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Its name.
    pub name: String,
}

impl ObservedObject {
    /// What of a whole object matters here.
    pub(crate) fn of(object: &Value, version: &str) -> Self {
        let meta = &object["metadata"];
        let text = |value: &Value| Text::from(value.as_str().unwrap_or_default());
        Self {
            version: version.into(),
            resource_version: text(&meta["resourceVersion"]),
            generation: meta["generation"].as_i64().unwrap_or_default(),
            revision: text(&meta["labels"][REVISION]),
            status: Status::deserialize(&object["status"]).unwrap_or_default(),
            addresses: addresses(object),
        }
    }
}

impl ObservedStatus {
    /// Puts what was seen into the list of all.
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

/// Those of a balancer in front of it, and others that lead to it; or the name that it stands for.
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

/// A list; what is none in its place is taken for an empty one.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A number, or its digits: Istio writes it so.
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
