//! The claims of a workload's token, as both ends of it must spell them: `heddlectl token create` signs them, and
//! `heddled` verifies them. They have the shape of a bound service account token of Kubernetes, so that the same
//! reader takes both.

use serde::{Deserialize, Serialize};

/// What `iss` says in a token that the local issuer signed.
pub const LOCAL_ISSUER: &str = "heddle.local";
/// The audience that a token for the certificate authority and for discovery must name.
pub const AUDIENCE: &str = "istio-ca";
/// The file, inside the authority's folder, that holds the local issuer's key: ECDSA P-256 in PKCS#8 PEM, mode 0600.
pub const ISSUER_KEY_FILE: &str = "issuer-key.pem";

/// The claims of one token, signed with ES256. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// [`LOCAL_ISSUER`] for our own tokens.
    pub iss: String,
    /// The audiences; [`AUDIENCE`] must be among them.
    pub aud: Vec<String>,
    /// `system:serviceaccount:<namespace>:<service account>`.
    pub sub: String,
    /// The token is not valid from this time on.
    pub exp: i64,
    /// The token is not valid before this time.
    pub nbf: i64,
    /// When the token was made.
    pub iat: i64,
    /// The same names as in `sub`, as Kubernetes writes them.
    #[serde(rename = "kubernetes.io")]
    pub kubernetes: Kubernetes,
}

/// The claim `kubernetes.io`. Members that Kubernetes adds beyond these (node, warnafter) are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kubernetes {
    /// The namespace of the service account.
    pub namespace: String,
    /// The service account.
    pub serviceaccount: Named,
    /// The pod to which the token is bound, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Named>,
}

/// An object's name inside the claim `kubernetes.io`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The object's name.
    pub name: String,
}

/// Why claims name no service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// `sub` is not `system:serviceaccount:<namespace>:<service account>`.
    #[error("the subject is not a service account")]
    Subject,
    /// `sub` and `kubernetes.io` name different service accounts.
    #[error("the subject and the claim kubernetes.io differ")]
    Mismatch,
}

impl Claims {
    /// Claims of the local issuer for a service account, valid from `now` for `seconds`.
    #[must_use]
    pub fn new(namespace: &str, service_account: &str, now: i64, seconds: i64) -> Self {
        Self {
            iss: LOCAL_ISSUER.into(),
            aud: vec![AUDIENCE.into()],
            sub: format!("system:serviceaccount:{namespace}:{service_account}"),
            exp: now.saturating_add(seconds),
            nbf: now,
            iat: now,
            kubernetes: Kubernetes {
                namespace: namespace.into(),
                serviceaccount: Named { name: service_account.into() },
                pod: None,
            },
        }
    }

    /// Namespace and service account, if both places that name them agree.
    ///
    /// # Errors
    /// Says which of the two is wrong.
    pub fn service_account(&self) -> Result<(&str, &str), ClaimsError> {
        let rest = self.sub.strip_prefix("system:serviceaccount:").ok_or(ClaimsError::Subject)?;
        let (namespace, name) = rest.split_once(':').ok_or(ClaimsError::Subject)?;
        if namespace != self.kubernetes.namespace || name != self.kubernetes.serviceaccount.name {
            return Err(ClaimsError::Mismatch);
        }
        Ok((namespace, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_account_is_read_where_both_names_agree() {
        let mut claims = Claims::new("shop", "reviews", 1000, 60);
        assert_eq!(claims.service_account(), Ok(("shop", "reviews")));
        assert_eq!((claims.nbf, claims.exp), (1000, 1060));
        claims.kubernetes.serviceaccount.name = "admin".into();
        assert_eq!(claims.service_account(), Err(ClaimsError::Mismatch));
        claims.sub = "system:node:n1".into();
        assert_eq!(claims.service_account(), Err(ClaimsError::Subject));
        claims.sub = "system:serviceaccount:shop".into();
        assert_eq!(claims.service_account(), Err(ClaimsError::Subject));
    }
}
