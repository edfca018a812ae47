//! The custom resources of Istio as Rust types, one file a kind, and how they are read.
//!
//! A kind has one `Spec` for all of its served versions, because the versions of Istio's kinds share one schema.
//! The types say what may be written, [`decode()`] how it may be spelled. Nothing here reads a cluster or a file.

pub mod decode;
pub mod duration;
pub mod extensions;
pub mod kind;
pub mod mesh;
pub mod metadata;
pub mod networking;
pub mod oneof;
pub mod schema;
pub mod security;
pub mod selector;
pub mod string_match;
pub mod telemetry;
pub mod validate;

pub use decode::{DecodeError, Decoded, decode};
pub use duration::Duration;
pub use metadata::ObjectMeta;
pub use string_match::StringMatch;

/// A JSON object kept as it was written, for the fields whose content is not ours to know.
pub type FreeForm = serde_json::Map<String, serde_json::Value>;
