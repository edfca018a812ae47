//! What was found.

use std::fmt;

use serde::Serialize;

use crate::decode::Path;

/// How many violations an object may have before the rest is only counted; an object of a megabyte could have a
/// hundred thousand.
const LIMIT: usize = 200;

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    /// The field, as `spec.http[0].route[1].weight`.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
    /// Whether the object is refused for it.
    pub severity: Severity,
}

/// Whether an object is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is refused.
    Error,
    /// It is accepted, but does not do what its author may think.
    Warning,
}

/// Collects violations.
#[derive(Debug, Default)]
pub struct Report {
    violations: Vec<Violation>,
    dropped: usize,
}

impl Report {
    /// Refuses the object for the field at `at`.
    pub fn refuse(&mut self, at: &Path<'_>, reason: impl fmt::Display) {
        self.push(at, &reason, Severity::Error);
    }

    /// Accepts the field at `at` with a word of warning.
    pub fn warn(&mut self, at: &Path<'_>, reason: impl fmt::Display) {
        self.push(at, &reason, Severity::Warning);
    }

    /// Refuses the object if `result` is an error.
    pub fn need<E: fmt::Display>(&mut self, at: &Path<'_>, result: Result<(), E>) {
        if let Err(reason) = result {
            self.refuse(at, reason);
        }
    }

    /// Refuses the object for the field at `at`, unless that field is refused already.
    pub(crate) fn refuse_once(&mut self, at: &Path<'_>, reason: impl fmt::Display) {
        let path = at.to_string();
        let is_refused = |violation: &Violation| violation.severity == Severity::Error && violation.path == path;
        if !self.violations.iter().any(is_refused) {
            self.push(at, &reason, Severity::Error);
        }
    }

    /// What was found: in the order of the checks, each once.
    #[must_use]
    pub fn into_violations(self) -> Vec<Violation> {
        let mut violations = self.violations;
        if self.dropped > 0 {
            let (path, reason) = (String::new(), format!("{} more violations", self.dropped));
            violations.push(Violation { path, reason, severity: Severity::Error });
        }
        violations
    }

    fn push(&mut self, at: &Path<'_>, reason: &dyn fmt::Display, severity: Severity) {
        if self.violations.len() >= LIMIT {
            // A refusal must not be lost behind warnings; the closing entry stands for it.
            self.dropped += usize::from(severity == Severity::Error);
            return;
        }
        let violation = Violation { path: at.to_string(), reason: reason.to_string(), severity };
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}", self.path, self.reason)
    }
}

/// A user's text for a message: quoted, and cut if it is long.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() { format!("{cut:?}… ({} bytes)", text.len()) } else { format!("{cut:?}") }
}
