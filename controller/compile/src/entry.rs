//! One compiled resource, encoded, with its story.

use std::sync::Arc;

use heddle_model::{issue::Issue, object::ObjectRef};
use heddle_xds_api::{Resource, TypeUrl};

use crate::{compiled::Compiled, partial::Partial};

/// An encoded resource with what is wrong with its input and the objects that it came from.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The resource.
    pub(crate) resource: Arc<Resource>,
    /// Whether Envoy takes it. Else it has a name and issues only.
    pub(crate) is_sent: bool,
    /// What is wrong with the input.
    pub(crate) issues: Vec<Issue>,
    /// The objects that it came from, sorted.
    pub(crate) sources: Vec<Arc<ObjectRef>>,
}

impl Entry {
    /// Encodes a result. What breaks a rule of Envoy is left out first, with an issue.
    pub(crate) fn new<M: Partial>(type_url: TypeUrl, name: String, compiled: Compiled<M>) -> Self {
        let Compiled { value, mut issues, mut sources } = compiled;
        sources.sort();
        sources.dedup();
        let resource = Resource::new(type_url, name, &value);
        let (resource, is_sent) = match resource.check() {
            Ok(()) => (resource, true),
            Err(broken) => Partial::take_rest(value, resource, broken, &sources, &mut issues),
        };
        Self { resource: Arc::new(resource), is_sent, issues, sources }
    }
}
