//! A layer that was compiled before, and what of it a newer revision leaves as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use heddle_compile::memo::Kept;
use heddle_compile::output::{Output, Sources};
use heddle_compile::route::Routes;
use heddle_model::issue::Issue;
use heddle_model::object::ObjectRef;
use heddle_model::snapshot::Snapshot;
use heddle_xds_api::{Layer, Resource, ResourceMap, TypeSet, TypeUrl};

/// One layer, the revision it is of, and its story.
#[derive(Debug, Default)]
pub(super) struct Memo {
    of: Option<Arc<Snapshot>>,
    layer: Arc<Layer>,
    issues: BTreeMap<TypeUrl, Vec<Issue>>,
    sources: Sources,
    /// What other views may share as long as this one holds it.
    kept: BTreeMap<TypeUrl, Vec<Arc<Kept>>>,
    routes: Vec<Arc<Routes>>,
}

impl Memo {
    /// The layer for this revision, or for a newer one that was asked for before. `compile` is asked for the types that
    /// the changes since the last time can have touched, by `impact`; whether it was is the other value.
    pub(super) fn layer(
        &mut self,
        snapshot: &Arc<Snapshot>,
        impact: impl FnOnce(&Snapshot) -> TypeSet,
        compile: impl FnOnce(TypeSet) -> Output,
    ) -> (Arc<Layer>, bool) {
        if self.of.as_ref().is_some_and(|of| of.revision >= snapshot.revision) {
            return (self.layer.clone(), false);
        }
        let due = self.of.as_ref().map_or(TypeSet::ALL, |old| impact(old));
        self.of = Some(snapshot.clone());
        if due.is_empty() {
            return (self.layer.clone(), false);
        }
        let output = compile(due);
        self.take(due, output);
        (self.layer.clone(), true)
    }

    /// What is wrong with the objects behind the layer.
    pub(super) fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.issues.values().flatten()
    }

    /// The objects behind a resource.
    pub(super) fn sources(&self, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        self.sources.get(&(type_url, name.into())).cloned().unwrap_or_default()
    }

    /// Puts in place what was compiled; what came out as it was keeps its pointers, so that nobody looks at it again.
    fn take(&mut self, due: TypeSet, output: Output) {
        let mut found = output.found;
        for one in due.iter() {
            self.issues.insert(one, found.remove(&one).unwrap_or_default());
        }
        self.sources.retain(|(one, _), _| !due.contains(*one));
        self.sources.extend(output.sources);
        due.iter().for_each(|one| drop(self.kept.remove(&one)));
        self.kept.extend(output.kept);
        if due.contains(TypeUrl::Route) {
            self.routes = output.routes;
        }
        let mut layer = (*self.layer).clone();
        let mut changed = false;
        for one in due.iter() {
            let fresh = output.layer.get(one).cloned().unwrap_or_default();
            let (map, differs) = match self.layer.get(one) {
                Some(old) => kept(old, &fresh),
                None => (fresh, true),
            };
            changed |= differs;
            layer.set(one, map);
        }
        if changed {
            self.layer = Arc::new(layer);
        }
    }
}

/// The fresh map with the old one's resources where they are equal, and whether it differs from the old one at all.
fn kept(old: &Arc<ResourceMap>, fresh: &Arc<ResourceMap>) -> (Arc<ResourceMap>, bool) {
    let version = |(name, resource): (&Arc<str>, &Arc<Resource>)| (name.clone(), resource.version());
    if old.iter().map(version).eq(fresh.iter().map(version)) {
        return (old.clone(), false);
    }
    let keep = |(name, new): (&Arc<str>, &Arc<Resource>)| {
        let same = old.get(name).filter(|old| old.version() == new.version());
        (name.clone(), same.unwrap_or(new).clone())
    };
    (Arc::new(fresh.iter().map(keep).collect()), true)
}
