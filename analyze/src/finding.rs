//! What analyzers find.

use std::fmt::Display;
use std::sync::Arc;

use crate::message::Message;
use crate::object::{Identity, Object};

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of finding.
    pub message: Message,
    /// The object.
    pub object: Arc<Identity>,
    /// The field, as `spec.http[0].route[1]`; empty for the whole object.
    pub path: String,
    /// What is wrong.
    pub text: String,
}

/// Collects findings.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding, unless the object is only assumed or suppresses the code.
    pub(crate) fn add<T>(
        &mut self,
        message: &'static Message,
        object: &Object<T>,
        path: impl Into<String>,
        arguments: &[&dyn Display],
    ) {
        self.add_of(message, &object.identity, path, arguments);
    }

    /// The same, of what is no object of the API: mesh networks.
    pub(crate) fn add_of(
        &mut self,
        message: &'static Message,
        object: &Arc<Identity>,
        path: impl Into<String>,
        arguments: &[&dyn Display],
    ) {
        self.push(Finding {
            message: *message,
            object: object.clone(),
            path: path.into(),
            text: message.text(arguments),
        });
    }

    /// Adds a finding, unless the object is only assumed or suppresses the code.
    pub(crate) fn push(&mut self, finding: Finding) {
        let object = &finding.object;
        let is_suppressed = object.suppressed.iter().any(|code| code == "*" || code == finding.message.code);
        if !object.is_assumed && !is_suppressed {
            self.0.push(finding);
        }
    }

    /// Adds an issue of the control plane, unless a finding says the same: of the same field at the same level or a
    /// higher one, or with the same code of a part of the field or of what it is a part of. A lower finding with the
    /// same text goes.
    pub(crate) fn add_issue(&mut self, issue: Finding) {
        let is_part = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
        let of_object = |found: &Finding| *found.object == *issue.object;
        let is_same = |found: &Finding| {
            let is_same_field = !issue.path.is_empty() && found.path == issue.path;
            (is_same_field && found.message.level >= issue.message.level)
                || (found.message.code == issue.message.code && is_part(&found.path, &issue.path))
        };
        if self.0.iter().any(|found| of_object(found) && is_same(found)) {
            return;
        }
        self.0.retain(|found| !(of_object(found) && (&found.path, &found.text) == (&issue.path, &issue.text)));
        self.push(issue);
    }

    /// The worst first. Each once.
    pub(crate) fn sorted(self) -> Vec<Finding> {
        let mut findings = self.0;
        findings.sort_by(|a, b| {
            let key = |f: &Finding| (f.message.code, f.object.clone(), f.path.clone(), f.text.clone());
            b.message.level.cmp(&a.message.level).then_with(|| key(a).cmp(&key(b)))
        });
        findings.dedup();
        findings
    }
}
