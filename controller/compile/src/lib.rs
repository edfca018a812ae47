//! Compiles a snapshot of the mesh into Envoy's resources: pure, total, and the same bytes for the same input.
//!
//! [`Compiler`] is the one way in. Inside, [`Tracked`] is the only way to read a snapshot.

mod authz;
mod by_ptr;
mod cluster;
mod compiled;
mod compiler;
mod endpoint;
mod entry;
mod envoy;
mod gateway;
mod inbound;
mod layer;
mod lint;
mod listener;
mod memo;
mod mtls;
mod name;
mod name_table;
mod partial;
mod route;
mod scope;
mod secret;
mod tracked;
mod view;
mod visible;

#[cfg(test)]
mod fixture;

pub use compiler::{Compiler, Session};
pub use lint::{Violation, lint};
pub use partial::stand_in;
pub use tracked::Tracked;
