//! A compiled value with what was found wrong on the way and the objects it came from.

use std::sync::Arc;

use heddle_model::{issue::Issue, mesh::Mesh, object::ObjectRef};

/// The result of a total compilation: the largest correct output, and its story.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Compiled<T> {
    /// The output.
    pub(crate) value: T,
    /// What is wrong with the input.
    pub(crate) issues: Vec<Issue>,
    /// The objects that the output came from, for attribution of a rejection.
    pub(crate) sources: Vec<Arc<ObjectRef>>,
}

impl<T> Compiled<T> {
    /// A value without issues or sources.
    pub(crate) fn new(value: T) -> Self {
        Self { value, issues: Vec::new(), sources: Vec::new() }
    }

    /// What came from no other object follows from the settings of the mesh.
    pub(crate) fn or_of(mut self, mesh: &Mesh) -> Self {
        if self.sources.is_empty() {
            self.sources.extend(mesh.origin.clone());
        }
        self
    }

    /// Changes the value, keeps the story.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Compiled<U> {
        Compiled { value: f(self.value), issues: self.issues, sources: self.sources }
    }
}
