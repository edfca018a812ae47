//! xDS for Rust: Envoy's messages and what a server of them needs.
//!
//! The messages are prost's, with ordered maps, so that equal messages are equal bytes; their modules lie at the root
//! of the crate as the packages do ([`envoy::config::cluster::v3::Cluster`]). `google::protobuf` is `prost_types`.

mod any;
mod descriptor;
mod difference;
mod fallback;
pub mod json;
mod map;
mod reference;
mod resource;
mod rules;
mod set;
pub mod subscription;
mod type_url;

#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    rustdoc::all,
    reason = "written by prost and tonic from gen/; see tests/regenerate.rs"
)]
mod generated {
    include!("../gen/all.rs");
}

pub use any::{any, unpack};
pub use descriptor::descriptors;
pub use difference::Differences;
pub use fallback::{Fallbacks, StandIn};
pub use generated::{cel, envoy, istio, opentelemetry, udpa, xds};
pub use map::ResourceMap;
pub use reference::{Reference, references};
pub use resource::{Resource, parse_version, version_text};
pub use rules::{Broken, Step};
pub use set::{Layer, ResourceSet, TypedSet};
pub use type_url::{TypeSet, TypeUrl};

/// Google's messages.
pub mod google {
    pub use super::generated::google::*;
    pub use prost_types as protobuf;
}
