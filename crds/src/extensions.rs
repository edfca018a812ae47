//! The kinds of `extensions.istio.io`.

pub mod traffic_extension;
pub mod wasm;
pub mod wasm_plugin;
