//! Authenticates a client: by its verified certificate, or by a token of the local issuer or of a cluster.

use std::sync::Arc;

use heddle_model::identity::Identity;
use heddle_model::mesh::Mesh;
use heddle_serve::auth::{AuthError, Authenticate, Credentials};

mod client_cert;
mod issuer;
mod jwks;
mod secret_rights;
mod token_review;

pub(crate) use issuer::{Issuer, IssuerError};
pub(crate) use jwks::watch_keys;
pub(crate) use secret_rights::SecretRights;
pub(crate) use token_review::Tokens;

/// The issuer of tokens.
#[derive(Debug)]
pub(crate) enum Issuers {
    /// The key in the folder of the authority, without Kubernetes.
    Local(Box<Issuer>),
    /// The API server.
    Cluster(Box<Tokens>),
}

/// Tries the credentials of a client, in istiod's order.
pub(crate) struct Authenticator {
    issuers: Issuers,
    /// The check of permissions for Secrets. `None` without a cluster.
    rights: Option<SecretRights>,
    mesh: Box<dyn Fn() -> Arc<Mesh> + Send + Sync>,
}

impl Authenticator {
    /// `mesh` has the current settings, because trust domains may be added while streams are open.
    pub(crate) fn new(
        issuers: Issuers,
        rights: Option<SecretRights>,
        mesh: impl Fn() -> Arc<Mesh> + Send + Sync + 'static,
    ) -> Self {
        Self { issuers, rights, mesh: Box::new(mesh) }
    }

    async fn decide(&self, call: &Credentials) -> Result<Identity, AuthError> {
        let mesh = (self.mesh)();
        let leaf = call.connection.as_ref().and_then(|connection| connection.chain.first());
        let by_certificate = leaf.map(|leaf| client_cert::identity(leaf, &mesh));
        if let Some(Ok(identity)) = by_certificate {
            return Ok(identity);
        }
        let by_token = match (call.bearer.as_deref(), &self.issuers) {
            (None, _) => None,
            (Some(token), Issuers::Local(issuer)) => Some(issuer.identity(token, &mesh.trust_domain)),
            (Some(token), Issuers::Cluster(tokens)) => Some(tokens.identity(token, &mesh.trust_domain).await),
        };
        match (by_certificate, by_token) {
            (_, Some(Ok(identity))) => Ok(identity),
            (None | Some(Ok(_)), None) => Err(AuthError::Missing),
            (Some(Err(error)), None) | (None | Some(Ok(_)), Some(Err(error))) => Err(AuthError::Refused(error)),
            (Some(Err(first)), Some(Err(second))) => Err(AuthError::Refused(format!("{first}; {second}"))),
        }
    }
}

impl Authenticate for Authenticator {
    async fn authenticate(&self, call: &Credentials) -> Result<Identity, AuthError> {
        self.decide(call).await
    }

    async fn reads_secrets(&self, identity: &Identity, ask: bool) -> bool {
        match &self.rights {
            Some(rights) => rights.allow(identity, ask).await,
            None => true,
        }
    }
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
