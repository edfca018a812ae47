//! References to the objects users applied, so that each result can name where it came from.

mod kind;

use std::{cmp::Ordering, fmt, sync::Arc};

use crate::Text;

pub use kind::Kind;

/// Which object. Ordered by kind, namespace and name; those of one name in several clusters follow each other, the
/// control plane's own cluster first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Kind.
    pub kind: Kind,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// The id of the cluster that holds it; empty for the control plane's own.
    pub cluster: Text,
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
    /// Which of the values that are made of one object: the host of an Ingress's VirtualService. Empty for all others.
    pub part: Text,
}

impl ObjectRef {
    /// A reference to an object of the control plane's own cluster.
    pub fn new(kind: Kind, namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into(), cluster: Text::default() }
    }

    /// The reference to the object of this kind and name in a cluster.
    #[must_use]
    pub fn in_cluster(self, cluster: &Text) -> Self {
        Self { cluster: cluster.clone(), ..self }
    }

    /// Whether both are of one kind and name, perhaps in two clusters.
    #[must_use]
    pub fn is_namesake(&self, other: &Self) -> bool {
        (self.kind, &self.name, &self.namespace) == (other.kind, &other.name, &other.namespace)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)?;
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)?;
        }
        if self.cluster.is_empty() { Ok(()) } else { write!(f, " in cluster {}", self.cluster) }
    }
}

impl Origin {
    /// The origin of the one value that is made of an object.
    #[must_use]
    pub fn new(object: Arc<ObjectRef>, created: i64) -> Self {
        Self { object, created, part: Text::default() }
    }

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
            let by_name = (&ours.name, &ours.namespace).cmp(&(&theirs.name, &theirs.namespace));
            by_name.then_with(|| (ours, &self.part).cmp(&(theirs, &other.part)))
        })
    }
}

impl PartialOrd for Origin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
