//! Why a pod cannot be injected. The words go to the user who applies the pod, so they name the field or annotation.

/// Why a pod cannot be injected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// The object is not a pod, or one of its fields is not what Kubernetes says it is.
    #[error("{field}: {reason}")]
    Pod {
        /// Path of the field.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// An annotation has a value that cannot be obeyed.
    #[error("annotation {name}: {reason}")]
    Annotation {
        /// The annotation's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The pod asks for a template that does not exist.
    #[error("there is no injection template {0:?}")]
    UnknownTemplate(String),
    /// A template cannot be used.
    #[error("injection template {name:?}: {reason}")]
    Template {
        /// The template's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The settings cannot be used.
    #[error("{file}: {reason}")]
    Settings {
        /// Which of the settings: `mesh config`, `values` or `injection config`.
        file: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl InjectError {
    pub(crate) fn pod(field: &str, reason: &str) -> Self {
        Self::Pod { field: field.to_owned(), reason: reason.to_owned() }
    }

    pub(crate) fn annotation(name: &str, reason: impl Into<String>) -> Self {
        Self::Annotation { name: name.to_owned(), reason: reason.into() }
    }

    pub(crate) fn template(name: &str, reason: impl Into<String>) -> Self {
        Self::Template { name: name.to_owned(), reason: reason.into() }
    }
}
