//! What analyzers find.

use std::fmt::Display;
use std::sync::Arc;

use crate::message::Message;
use crate::object::{Identity, Object};

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of finding.
    pub message: &'static Message,
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
        let is_suppressed = object.suppressed.iter().any(|code| code == "*" || code == message.code);
        if !object.is_assumed && !is_suppressed {
            let (path, text) = (path.into(), message.text(arguments));
            self.0.push(Finding { message, object: object.clone(), path, text });
        }
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
