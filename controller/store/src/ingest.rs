//! Turns what users wrote into the model: pure, total, one file a kind.
//!
//! Nothing here fails. What cannot be kept is left out with an [`Issue`], and the rest of the object stays.

pub mod authorization_policy;
pub mod destination_rule;
pub mod gateway;
pub mod ingress;
pub mod mesh;
pub mod peer_authentication;
pub mod proxy_config;
pub mod secret;
pub mod service;
pub mod service_entry;
pub mod sidecar;
pub mod slice;
pub mod virtual_service;
pub mod workload;

mod name;
mod policy;
mod scalar;
mod tls;

use std::sync::Arc;

use heddle_crds::validate;
use heddle_model::{issue::Issue, object::ObjectRef};

use crate::object::custom_kind;

pub use name::service_host;

/// Reason of issues about fields without effect.
const NOT_SUPPORTED: &str = "NotSupported";

/// Collects what is wrong with one object while it is ingested.
#[derive(Clone, Debug)]
pub struct Report {
    object: Arc<ObjectRef>,
    issues: Vec<Issue>,
}

impl Report {
    /// An empty report about an object.
    #[must_use]
    pub fn new(object: &Arc<ObjectRef>) -> Self {
        Self { object: object.clone(), issues: Vec::new() }
    }

    /// A part of the object has no effect.
    pub fn error(&mut self, field: impl Into<String>, reason: &'static str, message: impl Into<String>) {
        self.issues.push(Issue::error(&self.object, field, reason, message));
    }

    /// Accepted, but probably not what was meant.
    pub fn warning(&mut self, field: impl Into<String>, reason: &'static str, message: impl Into<String>) {
        self.issues.push(Issue::warning(&self.object, field, reason, message));
    }

    /// A field that is read, and for which nothing is built yet. `validate` says the same.
    pub fn not_supported(&mut self, field: impl Into<String>) {
        self.error(field, NOT_SUPPORTED, validate::NOT_SUPPORTED);
    }

    /// The kind of the object is read, and nothing is built for it yet. `validate` says the same.
    pub fn unsupported(&mut self) {
        if let Some(message) = custom_kind(self.object.kind).and_then(validate::unsupported) {
            self.error("", NOT_SUPPORTED, message);
        }
    }

    /// A field that has no effect in Istio either.
    pub fn no_effect(&mut self, field: impl Into<String>, message: &str) {
        self.warning(field, NOT_SUPPORTED, message);
    }

    /// All that was found, in order.
    #[must_use]
    pub fn into_issues(self) -> Vec<Issue> {
        self.issues
    }
}
