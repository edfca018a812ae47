//! Compiles a snapshot of the mesh into Envoy's resources: pure, total, and the same bytes for the same input.

pub mod compiled;
pub mod envoy;
pub mod name;
pub mod regex;
pub mod route;
pub mod scope;
pub mod view;

pub use compiled::Compiled;
