//! Analyzers find what is wrong between objects: a reference to nothing, two objects that claim the same, a setting
//! without effect.
//!
//! The codes, levels and names are those of Istio's analyzers, so that users and their tools keep what they know. An
//! analyzer is a pure function over a [`World`]. `heddlectl analyze` makes a world of files and of a cluster.

mod analyzer;
mod assumed;
mod finding;
mod injection;
mod issue;
mod kubernetes;
mod label;
mod message;
mod networks;
mod object;
mod registry;
mod suppression;
mod world;

pub use analyzer::{Analyzer, analyzers};
pub use finding::Finding;
pub use message::{ALL as MESSAGES, Level, Message};
pub use networks::MeshNetworks;
pub use object::{Identity, Object};
pub use suppression::Suppression;
pub use world::{AddOptions, Added, World};

use finding::Findings;

/// Runs analyzers over a world. The findings are sorted by level, code and object. Each is there once, also if the
/// control plane found the same. What an object suppresses by its annotation is left out.
#[must_use]
pub fn analyze(world: &World, analyzers: &[Analyzer]) -> Vec<Finding> {
    let mut findings = Findings::default();
    let (last, first): (Vec<_>, Vec<_>) = analyzers.iter().partition(|analyzer| analyzer.adds_issues());
    for analyzer in first.into_iter().chain(last) {
        analyzer.run(world, &mut findings);
    }
    findings.sorted()
}
