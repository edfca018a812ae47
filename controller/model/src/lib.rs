//! Heddle's domain: what a mesh is, said in plain data.
//!
//! Everything here is an immutable value shared by `Arc`. Nothing here knows Kubernetes, protobuf or a clock: `store`
//! makes these values from what users apply, `compile` turns them into Envoy's configuration.

pub mod authn;
pub mod authz;
pub mod bind;
pub mod destination_rule;
pub mod endpoint;
pub mod facets;
pub mod gateway;
pub mod host;
pub mod identity;
pub mod issue;
pub mod labels;
pub mod limit;
pub mod locality;
pub mod map;
pub mod mesh;
pub mod node;
pub mod object;
pub mod protocol;
pub mod proxy;
pub mod route;
pub mod secret;
pub mod service;
pub mod settings;
pub mod sidecar;
pub mod snapshot;
pub mod text;
pub mod tls;
pub mod token;
pub mod traffic;
pub mod workload;

pub use text::Text;
