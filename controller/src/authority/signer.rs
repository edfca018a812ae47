//! Signs the certificates of workloads with the current authority.

use std::sync::Arc;
use std::time::Duration;

use heddle_ca::{Authority, Lifetime, Limits};
use heddle_model::identity::Identity;
use heddle_serve::csr::{Sign, SignError};
use time::OffsetDateTime;
use tokio::sync::watch;

/// The authority, which may be renewed, and the limits of lifetimes.
#[derive(Debug)]
pub(crate) struct Signer {
    authority: watch::Receiver<Option<Arc<Authority>>>,
    limits: Limits,
}

impl Signer {
    /// Signs within these limits.
    pub(crate) fn new(authority: watch::Receiver<Option<Arc<Authority>>>, limits: Limits) -> Self {
        Self { authority, limits }
    }
}

impl Sign for Signer {
    fn sign(&self, csr: &[u8], identity: &Identity, asked: Duration) -> Result<Vec<String>, SignError> {
        let authority = self.authority.borrow().clone().ok_or(SignError::NotReady)?;
        let asked = i64::try_from(asked.as_secs()).unwrap_or(i64::MAX);
        let lifetime = Lifetime::ask(asked, &self.limits).map_err(|error| SignError::Lifetime(error.to_string()))?;
        let chain = heddle_ca::sign(&authority, csr, identity, lifetime, OffsetDateTime::now_utc());
        chain.map(|chain| chain.elements()).map_err(|error| match error {
            heddle_ca::SignError::Csr(error) => SignError::Csr(error.to_string()),
            error => SignError::Failed(error.to_string()),
        })
    }
}
