//! A layer that was compiled before, and what of it a newer revision leaves as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use heddle_compile::memo::Kept;
use heddle_compile::output::{Output, Sources};
use heddle_compile::route::Routes;
use heddle_model::diff::{Changes, diff};
use heddle_model::issue::Issue;
use heddle_model::object::ObjectRef;
use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_xds_api::{Layer, Resource, ResourceMap, TypeSet, TypeUrl};

/// One layer, the revision it is of, and its story.
#[derive(Debug, Default)]
pub(super) struct Memo {
    of: Option<Snapshot>,
    whose: Option<Proxy>,
    layer: Arc<Layer>,
    issues: BTreeMap<TypeUrl, Vec<Issue>>,
    sources: Sources,
    /// What other views may share as long as this one holds it.
    kept: BTreeMap<TypeUrl, Vec<Arc<Kept>>>,
    routes: Vec<Arc<Routes>>,
}

impl Memo {
    /// The layer with these types for this revision. `compile` is asked for the types that the changes since the last
    /// time can have touched, by `impact`, and for those that were never asked for; whether it was is the other value.
    pub(super) fn layer(
        &mut self,
        snapshot: &Snapshot,
        types: TypeSet,
        impact: impl Fn(&Changes) -> TypeSet,
        compile: impl FnOnce(TypeSet) -> Output,
    ) -> (Arc<Layer>, bool) {
        let held = self.layer.types();
        let changes = self.of.as_ref().map(|old| diff(old, snapshot));
        let touched = changes.as_ref().map_or(TypeSet::ALL, impact);
        let due = pick(types.union(held), |one| touched.contains(one) || !held.contains(one));
        if changes.is_none_or(|changes| !changes.is_empty()) {
            self.of = Some(snapshot.clone());
        }
        if due.is_empty() {
            return (self.layer.clone(), false);
        }
        let output = compile(due);
        self.take(due, output);
        (self.layer.clone(), true)
    }

    /// Forgets everything if it is of a proxy that said other things of itself under the same id.
    pub(super) fn belong_to(&mut self, proxy: &Proxy) {
        if self.whose.as_ref() != Some(proxy) {
            *self = Self { whose: Some(proxy.clone()), ..Self::default() };
        }
    }

    /// What is wrong with the objects behind the layer.
    pub(super) fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.issues.values().flatten()
    }

    /// The objects behind a resource.
    pub(super) fn sources(&self, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        self.sources.get(&(type_url, name.into())).cloned().unwrap_or_default()
    }

    /// Whether a stream still holds the layer.
    pub(super) fn is_held(&self) -> bool {
        Arc::strong_count(&self.layer) > 1
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

fn pick(types: TypeSet, wanted: impl Fn(TypeUrl) -> bool) -> TypeSet {
    types.iter().filter(|one| wanted(*one)).collect()
}
