//! The only mutable state of the control plane: what users applied, and the snapshot made of it.
//!
//! A source makes [`Event`]s, [`Store::apply`] takes them and [`Store::commit`] gives an immutable
//! [`Snapshot`](heddle_model::snapshot::Snapshot) whose parts are shared with the one before. [`documents`] reads YAML
//! for `heddled` and `heddlectl` alike. Nothing here does IO, reads a clock, or fails: what is wrong with an object is
//! an [`Issue`](heddle_model::issue::Issue), and takes no more out of the mesh than it must.

pub mod document;
pub mod ingest;
pub mod kube;
pub mod mesh_config;
pub mod object;
pub mod settings;
pub mod store;

mod binding;
mod merge;
mod select;

pub use binding::{Bindings, NO_WORKLOADS, Selected};
pub use document::documents;
pub use object::{Event, Object, SourceId, Spec, custom_kind};
pub use settings::Settings;
pub use store::{Store, issues_if_applied};

#[cfg(test)]
mod tests;
