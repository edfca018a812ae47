//! Reads a JSON value into a type by the rules of protobuf's JSON, which are those of the Kubernetes API for Istio.
//!
//! - A field may be written in lowerCamelCase or in its original snake_case.
//! - `null` means "not set", in a list's place too.
//! - Whole numbers may be written as `80`, `"80"` or `80.0`.
//! - An enum's value is its name; a name that the enum does not have is an error.
//! - Of the fields of a oneof (see [`crate::oneof`]) at most one may be set.
//! - A field that the type does not have is not an error. It is reported with its path.

mod entries;
mod error;
mod path;
mod reader;
mod scalar;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use entries::is_spelling;
pub use error::DecodeError;
pub use path::Path;
pub(crate) use scalar::describe;

use reader::{Reader, Unknown};

/// A value as it was understood, and what of it was not.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Decoded<T> {
    /// What was read.
    pub spec: T,
    /// The fields that the type does not have, as `spec.http[0].foo`, in the order of the document.
    pub unknown: Vec<String>,
}

/// Reads an object's `spec`; paths in errors and unknown fields begin with `spec`.
///
/// `null` reads as an empty spec, as the API server and istiod take it.
///
/// # Errors
/// The first field that cannot be read, with its path and the reason.
pub fn decode<T: DeserializeOwned + Default>(spec: &Value) -> Result<Decoded<T>, DecodeError> {
    decode_at("spec", spec)
}

/// Reads any value of an object; `root` is what paths begin with.
///
/// # Errors
/// The first field that cannot be read, with its path and the reason.
pub fn decode_at<T: DeserializeOwned + Default>(root: &str, value: &Value) -> Result<Decoded<T>, DecodeError> {
    if value.is_null() {
        return Ok(Decoded::default());
    }
    let unknown = Unknown::default();
    let path = Path::Root(root);
    let spec = T::deserialize(Reader::new(value, &path, &unknown)).map_err(|error| error.at(&path))?;
    Ok(Decoded { spec, unknown: unknown.into_inner() })
}

#[cfg(test)]
mod tests;
