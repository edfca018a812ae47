//! What the sources gave of each object. A source changes its own versions only, so no source can delete the object of
//! another.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{Text, issue::Issue, object::ObjectRef};

use crate::object::{Object, SourceId};

/// All versions. Of the objects of one kind and name one counts, because parts know objects by their name: the first
/// that could be read, in the order of clusters and then of sources. So the control plane's own cluster comes first.
#[derive(Debug, Default)]
pub(super) struct Versions {
    all: BTreeMap<(Arc<ObjectRef>, SourceId), Version>,
}

/// What one source gave of one object.
#[derive(Debug, Default)]
struct Version {
    /// The last version that could be read.
    object: Option<Arc<Object>>,
    /// Why the newest version cannot be read, where it cannot; until one comes that can.
    malformed: Option<Vec<Issue>>,
}

impl Versions {
    /// Keeps a version that can be read; an equal one keeps its pointer. Gives whether the version before was
    /// malformed.
    pub(super) fn set(&mut self, source: SourceId, object: Object) -> bool {
        let version = self.all.entry((object.key.clone(), source)).or_default();
        if version.object.as_ref().is_none_or(|old| **old != object) {
            version.object = Some(Arc::new(object));
        }
        version.malformed.take().is_some()
    }

    /// Keeps why a version cannot be read. Gives whether that is news.
    pub(super) fn set_malformed(&mut self, source: SourceId, key: &Arc<ObjectRef>, issues: &[Issue]) -> bool {
        let version = self.all.entry((key.clone(), source)).or_default();
        let differs = version.malformed.as_deref() != Some(issues);
        version.malformed = Some(issues.to_vec());
        differs
    }

    /// Drops what a source gave of an object. Gives whether that was malformed.
    pub(super) fn remove(&mut self, source: &SourceId, key: &Arc<ObjectRef>) -> bool {
        self.all.remove(&(key.clone(), source.clone())).is_some_and(|version| version.malformed.is_some())
    }

    /// The object that counts, of all that have the kind and name of this one.
    pub(super) fn in_force(&self, key: &Arc<ObjectRef>) -> Option<&Arc<Object>> {
        let first = if key.cluster.is_empty() {
            key.clone()
        } else {
            Arc::new(ObjectRef { cluster: Text::default(), ..(**key).clone() })
        };
        let from = self.all.range((first, SourceId::Files)..);
        from.take_while(|((other, _), _)| other.is_namesake(key)).find_map(|(_, version)| version.object.as_ref())
    }

    /// All objects that count, by key.
    pub(super) fn all_in_force(&self) -> impl Iterator<Item = &Arc<Object>> {
        let mut last: Option<&ObjectRef> = None;
        self.all.iter().filter_map(move |((key, _), version)| {
            let object = version.object.as_ref()?;
            let is_first = last.is_none_or(|last| !last.is_namesake(key));
            last = Some(key);
            is_first.then_some(object)
        })
    }

    /// What a source gave.
    pub(super) fn of_source(&self, source: &SourceId) -> impl Iterator<Item = &Arc<ObjectRef>> {
        self.all.keys().filter(move |(_, of)| of == source).map(|(key, _)| key)
    }

    /// Whether a version of an object cannot be read.
    pub(super) fn is_malformed(&self, key: &Arc<ObjectRef>) -> bool {
        let from = self.all.range((key.clone(), SourceId::Files)..);
        from.take_while(|((other, _), _)| other == key).any(|(_, version)| version.malformed.is_some())
    }

    /// Why versions cannot be read.
    pub(super) fn malformed(&self) -> impl Iterator<Item = (&Arc<ObjectRef>, &[Issue])> {
        self.all.iter().filter_map(|((key, _), version)| Some((key, version.malformed.as_deref()?)))
    }
}
