//! What a compilation gives: resources by type, the issues found, and the objects that each resource came from.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{issue::Issue, object::ObjectRef};
use heddle_xds_api::{Layer, ResourceMap, TypeUrl};

use crate::{compiled::Compiled, memo::Kept, route::virtual_host::SplitRouteConfig, scope::CachedScope};

/// Objects by the resource that came from them.
pub type Sources = BTreeMap<(TypeUrl, Arc<str>), Vec<Arc<ObjectRef>>>;

/// One layer of a proxy's resources with its story.
#[derive(Debug, Default)]
pub struct Output {
    /// The resources.
    pub layer: Layer,
    /// What is wrong with the input, sorted, each once.
    pub issues: Vec<Issue>,
    /// The same by the type that was being compiled: what is known of one type stands until that one is compiled again.
    pub found: BTreeMap<TypeUrl, Vec<Issue>>,
    /// Where each resource came from.
    pub sources: Sources,
    /// Results that others may share as long as this is held.
    pub kept: BTreeMap<TypeUrl, Vec<Arc<Kept>>>,
    /// Of a sidecar's view: what it sees.
    pub cached_scope: Option<CachedScope>,
    /// Of a sidecar's view, with its routes: their parts, whose results others may share as long as this is held.
    pub split_configs: Option<Vec<SplitRouteConfig>>,
}

impl Output {
    /// Sets the resources of a type. Of two with one name the first stays.
    pub(crate) fn set<M: prost::Message + 'static>(
        &mut self,
        type_url: TypeUrl,
        resources: impl IntoIterator<Item = (String, Compiled<M>)>,
    ) {
        let kept = resources.into_iter().map(|(name, compiled)| Arc::new(Kept::new(type_url, name, compiled)));
        self.set_kept(type_url, kept.collect());
        self.kept.remove(&type_url);
    }

    /// Sets the resources of a type to what may be shared with others. Of two with one name the first stays.
    pub(crate) fn set_kept(&mut self, type_url: TypeUrl, kept: Vec<Arc<Kept>>) {
        let mut map = ResourceMap::new();
        let found = self.found.entry(type_url).or_default();
        for one in &kept {
            found.extend(one.issues.iter().cloned());
            let name = one.resource.name().clone();
            if !map.contains(&name) {
                map.insert(one.resource.clone());
                self.sources.insert((type_url, name), one.sources.clone());
            }
        }
        self.layer.set(type_url, Arc::new(map));
        self.kept.insert(type_url, kept);
    }

    /// Adds what was found while compiling a type.
    pub(crate) fn find(&mut self, type_url: TypeUrl, issues: Vec<Issue>) {
        self.found.entry(type_url).or_default().extend(issues);
    }

    /// Sorts the issues and drops those found twice.
    pub(crate) fn finish(mut self) -> Self {
        self.issues = self.found.values().flatten().cloned().collect();
        self.issues.sort();
        self.issues.dedup();
        self
    }
}
