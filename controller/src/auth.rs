//! Authenticates a client: by its verified certificate, or by a token of the local issuer or of a cluster.

use std::sync::Arc;

use heddle_model::identity::Identity;
use heddle_model::mesh::Mesh;
use heddle_serve::auth::{AuthError, Authenticate, Credentials};

mod accounts;
mod bearer;
mod call_limit;
mod client_cert;
mod counts;
mod issuer;
mod jwks;
mod key_ring;
mod reviewer;
mod secret_rights;
#[cfg(test)]
mod testing;
mod tokens;

pub(crate) use accounts::Accounts;
pub(crate) use counts::Counts;
pub(crate) use issuer::{Issuer, IssuerError};
pub(crate) use key_ring::KeyRing;
pub(crate) use secret_rights::SecretRights;
pub(crate) use tokens::Tokens;

/// The issuer of tokens.
#[derive(Debug)]
pub(crate) enum Issuers {
    /// The key in the folder of the authority, without Kubernetes.
    Local(Box<Issuer>),
    /// The API server.
    Cluster(Box<Tokens>),
}

/// What a cluster is asked about an identity.
pub(crate) struct ClusterChecks {
    /// The check of permissions for Secrets.
    pub rights: SecretRights,
    /// The service accounts that exist.
    pub accounts: Arc<Accounts>,
}

/// Tries the credentials of a client, in istiod's order.
pub(crate) struct Authenticator {
    issuers: Issuers,
    cluster: Option<ClusterChecks>,
    mesh: Box<dyn Fn() -> Arc<Mesh> + Send + Sync>,
}

impl Authenticator {
    /// `mesh` has the current settings, because trust domains may be added while streams are open.
    pub(crate) fn new(
        issuers: Issuers,
        cluster: Option<ClusterChecks>,
        mesh: impl Fn() -> Arc<Mesh> + Send + Sync + 'static,
    ) -> Self {
        Self { issuers, cluster, mesh: Box::new(mesh) }
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
        match &self.cluster {
            Some(cluster) => cluster.rights.allow(identity, ask).await,
            None => true,
        }
    }

    async fn exists(&self, identity: &Identity) -> bool {
        match &self.cluster {
            Some(cluster) => cluster.accounts.confirm(identity.namespace(), identity.service_account(), "").await,
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
