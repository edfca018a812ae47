//! Objects, and what names them.

use std::fmt;
use std::sync::Arc;

use heddle_crds::ObjectMeta;
use serde_json::Value;

/// What names an object. Objects are ordered by namespace, name and kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The namespace in which the object is or would be; empty for kinds without one.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: &'static str,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Whether the object names its namespace itself. A file may leave it to the reader.
    pub is_namespace_written: bool,
    /// Codes that the object suppresses by its annotation; `*` stands for all.
    pub suppressed: Vec<String>,
    /// Whether the object was only assumed to exist. It has no findings.
    pub is_assumed: bool,
}

/// An object with its content as a type.
#[derive(Clone, Debug)]
pub struct Object<T> {
    /// What names it.
    pub identity: Arc<Identity>,
    /// Labels, annotations and the like.
    pub meta: ObjectMeta,
    /// Its content.
    pub spec: T,
    /// The conditions of its status.
    pub conditions: Vec<Condition>,
    /// Whether the status holds addresses that a control plane allocated to a ServiceEntry.
    pub has_allocated_addresses: bool,
}

/// A condition of an object's status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its type, for example `Reconciled`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word that says why.
    pub reason: String,
    /// A sentence that says why.
    pub message: String,
}

impl Identity {
    /// `namespace/name`, or the name alone where the object names no namespace.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.is_namespace_written && !self.namespace.is_empty() {
            format!("{}/{}", self.namespace, self.name)
        } else {
            self.name.clone()
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.full_name())
    }
}

impl<T> Object<T> {
    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.identity.namespace
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// A label's value.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.meta.labels.get(name).map(String::as_str)
    }

    /// Whether the object belongs to an installation of Istio or Heddle itself.
    #[must_use]
    pub(crate) fn is_of_the_control_plane(&self) -> bool {
        self.label("istio").is_some() || self.label("release") == Some("istio")
    }
}

/// The conditions of an object as JSON.
pub(crate) fn conditions(value: &Value) -> Vec<Condition> {
    let of = |condition: &Value| {
        let text = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Condition { kind: text("type"), status: text("status"), reason: text("reason"), message: text("message") }
    };
    value.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten().map(of).collect()
}
