//! What a compilation gives: resources by type, the issues found, and the objects that each resource came from.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{issue::Issue, object::ObjectRef};
use heddle_xds_api::{Layer, Resource, ResourceMap, TypeUrl};

use crate::compiled::Compiled;

/// Objects by the resource that came from them.
pub type Sources = BTreeMap<(TypeUrl, Arc<str>), Vec<Arc<ObjectRef>>>;

/// One layer of a proxy's resources with its story.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The resources.
    pub layer: Layer,
    /// What is wrong with the input, sorted, each once.
    pub issues: Vec<Issue>,
    /// Where each resource came from.
    pub sources: Sources,
}

impl Output {
    /// Sets the resources of a type. Of two with one name the first stays.
    pub(crate) fn set<M: prost::Message + 'static>(
        &mut self,
        type_url: TypeUrl,
        resources: impl IntoIterator<Item = (String, Compiled<M>)>,
    ) {
        let mut map = ResourceMap::new();
        for (name, compiled) in resources {
            let name: Arc<str> = name.into();
            self.issues.extend(compiled.issues);
            if let std::collections::btree_map::Entry::Vacant(slot) = map.entry(name.clone()) {
                slot.insert(Arc::new(Resource::new(type_url, name.clone(), &compiled.value)));
                let mut sources = compiled.sources;
                sources.sort();
                sources.dedup();
                self.sources.insert((type_url, name), sources);
            }
        }
        self.layer.set(type_url, Arc::new(map));
    }

    /// Sorts the issues and drops those found twice.
    pub(crate) fn finish(mut self) -> Self {
        self.issues.sort();
        self.issues.dedup();
        self
    }
}
