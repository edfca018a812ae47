//! The settings of a mesh and of its proxies. They are no custom resources, but are read by the same rules.

pub mod image;
pub mod mesh_config;
pub mod proxy_config;

pub use mesh_config::MeshConfig;
pub use proxy_config::ProxyConfig;
