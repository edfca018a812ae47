//! One compiled resource, encoded, with its story.

use std::sync::Arc;

use heddle_model::{issue::Issue, object::ObjectRef};
use heddle_xds_api::{Resource, TypeUrl};

use crate::compiled::Compiled;

/// An encoded resource with what is wrong with its input and the objects that it came from.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The resource.
    pub(crate) resource: Arc<Resource>,
    /// What is wrong with the input.
    pub(crate) issues: Vec<Issue>,
    /// The objects that it came from, sorted.
    pub(crate) sources: Vec<Arc<ObjectRef>>,
}

impl Entry {
    /// Encodes a result.
    pub(crate) fn new<M: prost::Message + 'static>(type_url: TypeUrl, name: String, compiled: Compiled<M>) -> Self {
        let Compiled { value, issues, mut sources } = compiled;
        sources.sort();
        sources.dedup();
        Self { resource: Arc::new(Resource::new(type_url, name, &value)), issues, sources }
    }
}
