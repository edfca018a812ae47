//! What is wrong with an object, and what was done instead. Every total function returns these beside its result.

use std::{fmt, sync::Arc};

use crate::object::ObjectRef;

/// How much an issue matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Accepted, but probably not what was meant.
    Warning,
    /// Part of the object, or all of it, has no effect.
    Error,
}

/// One finding about one field of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Issue {
    /// The object at fault.
    pub object: Arc<ObjectRef>,
    /// Path of the field, e.g. `spec.http[0].route[1].destination.subset`; empty for the whole object.
    pub field: String,
    /// How much it matters.
    pub severity: Severity,
    /// A stable word for metrics and conditions, e.g. `UnknownSubset`.
    pub reason: &'static str,
    /// What is wrong, and what was done instead, in a sentence.
    pub message: String,
}

impl Issue {
    /// An error: the named part of the object has no effect.
    pub fn error(
        object: &Arc<ObjectRef>,
        field: impl Into<String>,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { object: object.clone(), field: field.into(), severity: Severity::Error, reason, message: message.into() }
    }

    /// A warning: accepted, but probably not what was meant.
    pub fn warning(
        object: &Arc<ObjectRef>,
        field: impl Into<String>,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            object: object.clone(),
            field: field.into(),
            severity: Severity::Warning,
            reason,
            message: message.into(),
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}
