//! References to the objects users applied, so that each result can name where it came from.

use std::{cmp::Ordering, fmt, sync::Arc};

use crate::Text;

/// Which object: kind, namespace (empty for cluster-scoped kinds) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Kind as in YAML, e.g. `VirtualService`.
    pub kind: Text,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: Text,
    /// Name.
    pub name: Text,
}

/// Where a value comes from and how old that object is.
///
/// Ordered as the contract orders objects that compete: creation time, then name, then namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// `metadata.creationTimestamp` in seconds since 1970; 0 when the object has none.
    pub created: i64,
}

impl ObjectRef {
    /// A reference from its three parts.
    pub fn new(kind: impl Into<Text>, namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

impl Origin {
    /// The object's namespace.
    #[must_use]
    pub fn namespace(&self) -> &Text {
        &self.object.namespace
    }

    /// The object's name.
    #[must_use]
    pub fn name(&self) -> &Text {
        &self.object.name
    }
}

impl Ord for Origin {
    fn cmp(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (&self.object, &other.object);
        let by_age = self.created.cmp(&other.created);
        by_age.then_with(|| {
            (&ours.name, &ours.namespace, &ours.kind).cmp(&(&theirs.name, &theirs.namespace, &theirs.kind))
        })
    }
}

impl PartialOrd for Origin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
