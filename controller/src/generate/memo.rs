//! A layer that was compiled before, and what of it a newer revision leaves as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use heddle_compile::increment::Patch;
use heddle_compile::output::{Output, Sources};
use heddle_compile::route::virtual_host::SplitRouteConfig;
use heddle_compile::scope::CachedScope;
use heddle_model::issue::Issue;
use heddle_model::object::ObjectRef;
use heddle_model::snapshot::Snapshot;
use heddle_xds_api::{Layer, ResourceMap, TypeSet, TypeUrl};

use super::held::Held;

/// One layer, the revision it is of, and its story.
#[derive(Debug, Default)]
pub(super) struct Memo {
    of: Option<Arc<Snapshot>>,
    layer: Arc<Layer>,
    issues: BTreeMap<TypeUrl, Vec<Issue>>,
    sources: Sources,
    /// What other views may share as long as this one holds it.
    kept: BTreeMap<TypeUrl, Held>,
    cached_scope: Option<CachedScope>,
    split_configs: Vec<SplitRouteConfig>,
}

impl Memo {
    /// The layer for this revision, or for a newer one that was asked for before. `compile` is asked for the types that
    /// the changes since the last time can have touched, by `impact`; whether it was is the other value.
    pub(super) fn layer(
        &mut self,
        snapshot: &Arc<Snapshot>,
        impact: impl FnOnce(&Snapshot) -> TypeSet,
        recompile: impl FnOnce(&Snapshot, (&mut CachedScope, &mut [SplitRouteConfig])) -> Option<Patch>,
        compile: impl FnOnce(TypeSet) -> Output,
    ) -> (Arc<Layer>, bool) {
        if self.of.as_ref().is_some_and(|of| of.revision >= snapshot.revision) {
            return (self.layer.clone(), false);
        }
        let old = self.of.replace(snapshot.clone());
        let due = old.as_ref().map_or(TypeSet::ALL, |old| impact(old));
        if due.is_empty() {
            return (self.layer.clone(), false);
        }
        if let (Some(old), Some(cached_scope)) = (&old, &mut self.cached_scope)
            && let Some(patch) = recompile(old, (cached_scope, &mut self.split_configs))
        {
            self.patch(patch);
            return (self.layer.clone(), true);
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

    /// Puts in place what a small change made anew. It costs what it changes, not what there is.
    fn patch(&mut self, patch: Patch) {
        let mut layer = (*self.layer).clone();
        let mut changed = false;
        for (url, fresh) in patch.kept {
            let held = self.kept.entry(url).or_default();
            let mut map = layer.get(url).map(|map| (**map).clone()).unwrap_or_default();
            let mut differs = false;
            let of_hosts: BTreeSet<Arc<str>> =
                patch.hosts.iter().flat_map(|host| held.names_of(host)).cloned().collect();
            let names: BTreeSet<&Arc<str>> = fresh.iter().map(|one| one.resource.name()).collect();
            for name in of_hosts.iter().filter(|name| !names.contains(*name)) {
                held.remove(name);
                map.remove(name);
                self.sources.remove(&(url, name.clone()));
                differs = true;
            }
            for one in fresh {
                let name = one.resource.name();
                self.sources.insert((url, name.clone()), one.sources.clone());
                if map.get(name).is_none_or(|old| old.version() != one.resource.version()) {
                    map.insert(one.resource.clone());
                    differs = true;
                }
                held.remove(name);
                held.insert(one);
            }
            self.issues.insert(url, held.issues());
            if differs {
                layer.set(url, Arc::new(map));
                changed = true;
            }
        }
        if changed {
            self.layer = Arc::new(layer);
        }
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
        self.kept.extend(output.kept.into_iter().map(|(one, kept)| (one, Held::new(kept))));
        self.cached_scope = output.cached_scope;
        if let Some(split_configs) = output.split_configs {
            self.split_configs = split_configs;
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
    let differing = old.differences(fresh);
    if differing.is_empty() {
        return (old.clone(), false);
    }
    let mut map = (**old).clone();
    for name in differing {
        match fresh.get(&name) {
            Some(new) => map.insert(new.clone()),
            None => map.remove(&name),
        }
    }
    (Arc::new(map), true)
}
