//! Compiles a snapshot of the mesh into Envoy's resources: pure, total, and the same bytes for the same input.

pub mod by_ptr;
pub mod cluster;
pub mod compile;
pub mod compiled;
pub mod endpoint;
pub mod envoy;
pub mod gateway;
pub mod impact;
pub mod increment;
pub mod listener;
pub mod memo;
pub mod mtls;
pub mod name;
pub mod name_table;
pub mod output;
pub mod regex;
pub mod route;
pub mod scope;
pub mod secret;
pub mod view;
pub mod visible;

#[cfg(test)]
mod fixture;

pub use compile::{compile_own, compile_view};
pub use compiled::Compiled;
pub use impact::impact;
pub use memo::Memo;
pub use output::Output;
pub use view::{ViewKey, view};
