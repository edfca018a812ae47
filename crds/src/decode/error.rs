//! Why a value could not be read.

use std::fmt;

use super::path::Path;

/// A field that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Where it is, as `spec.http[0].match[1].uri`.
    pub path: String,
    /// What is wrong with it, for a person to read.
    pub reason: String,
}

impl DecodeError {
    /// An error whose place is not known yet.
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self { path: String::new(), reason: reason.to_string() }
    }

    /// Says where the error is, unless a deeper place is known already.
    pub(crate) fn at(self, path: &Path<'_>) -> Self {
        if self.path.is_empty() { Self { path: path.to_string(), ..self } } else { self }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message)
    }
}
