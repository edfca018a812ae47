//! Who a workload is: the SPIFFE id `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
//!
//! It is parsed once, where a certificate or a token comes in, and is trusted from there on: no part is empty, none
//! holds a character that could end a path segment, a URI or a C string early.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A SPIFFE id is at most this many bytes, by the SPIFFE standard.
const MAX_ID_BYTES: usize = 2048;
/// A trust domain is at most this many bytes, by the SPIFFE standard.
const MAX_TRUST_DOMAIN_BYTES: usize = 255;
/// Kubernetes names (the last two parts) are at most this many bytes.
const MAX_NAME_BYTES: usize = 253;

/// The identity of a workload: trust domain, namespace and service account, all of them valid.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    trust_domain: Arc<str>,
    namespace: Arc<str>,
    service_account: Arc<str>,
}

/// Why some text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The text does not begin with `spiffe://`.
    #[error("the id does not begin with spiffe://")]
    Scheme,
    /// The text is longer than a SPIFFE id may be.
    #[error("the id is longer than {MAX_ID_BYTES} bytes")]
    TooLong,
    /// The text is not `<trust domain>/ns/<namespace>/sa/<service account>`.
    #[error("the id is not spiffe://<trust domain>/ns/<namespace>/sa/<service account>")]
    Shape,
    /// The trust domain is empty, too long, or has a character other than letters, digits, `.`, `-` and `_`.
    #[error("the trust domain is not valid")]
    TrustDomain,
    /// The namespace is empty, too long, or has a character other than letters, digits, `.`, `-` and `_`.
    #[error("the namespace is not valid")]
    Namespace,
    /// The service account is empty, too long, or has a character other than letters, digits, `.`, `-` and `_`.
    #[error("the service account is not valid")]
    ServiceAccount,
}

impl Identity {
    /// Checks the three parts. An `@` in the trust domain becomes a `.`, as istiod reads old trust domains.
    ///
    /// # Errors
    /// Names the part that is not valid.
    pub fn new(trust_domain: &str, namespace: &str, service_account: &str) -> Result<Self, IdentityError> {
        let trust_domain = trust_domain.replace('@', ".");
        if !is_name(&trust_domain, MAX_TRUST_DOMAIN_BYTES) {
            return Err(IdentityError::TrustDomain);
        }
        if !is_name(namespace, MAX_NAME_BYTES) {
            return Err(IdentityError::Namespace);
        }
        if !is_name(service_account, MAX_NAME_BYTES) {
            return Err(IdentityError::ServiceAccount);
        }
        Ok(Self {
            trust_domain: trust_domain.into(),
            namespace: namespace.into(),
            service_account: service_account.into(),
        })
    }

    /// The part after `spiffe://`, for example `cluster.local`.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// The Kubernetes namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The Kubernetes service account.
    #[must_use]
    pub fn service_account(&self) -> &str {
        &self.service_account
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/ns/{}/sa/{}", self.trust_domain, self.namespace, self.service_account)
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    /// Reads exactly five parts, so that no id has two readings.
    fn from_str(id: &str) -> Result<Self, IdentityError> {
        if id.len() > MAX_ID_BYTES {
            return Err(IdentityError::TooLong);
        }
        let path = id.strip_prefix("spiffe://").ok_or(IdentityError::Scheme)?;
        let mut parts = path.split('/');
        let mut next = || parts.next().ok_or(IdentityError::Shape);
        let (trust_domain, ns, namespace, sa, service_account) = (next()?, next()?, next()?, next()?, next()?);
        if parts.next().is_some() || ns != "ns" || sa != "sa" {
            return Err(IdentityError::Shape);
        }
        if trust_domain.contains('@') {
            return Err(IdentityError::TrustDomain);
        }
        Self::new(trust_domain, namespace, service_account)
    }
}

/// SPIFFE's characters of a path segment, which are a superset of those of a Kubernetes name.
fn is_name(name: &str, most: usize) -> bool {
    let dots_only = name.bytes().all(|byte| byte == b'.');
    !dots_only
        && name.len() <= most
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let identity = Identity::new("cluster.local", "shop", "reviews").unwrap();
        assert_eq!(identity.to_string(), "spiffe://cluster.local/ns/shop/sa/reviews");
        assert_eq!(identity.to_string().parse(), Ok(identity.clone()));
        assert_eq!(
            (identity.trust_domain(), identity.namespace(), identity.service_account()),
            ("cluster.local", "shop", "reviews")
        );
    }

    #[test]
    fn an_at_sign_in_a_trust_domain_becomes_a_dot() {
        let identity = Identity::new("user@project", "a", "b").unwrap();
        assert_eq!(identity.trust_domain(), "user.project");
    }

    #[test]
    fn every_other_shape_is_refused() {
        let cases = [
            ("http://td/ns/a/sa/b", IdentityError::Scheme),
            ("SPIFFE://td/ns/a/sa/b", IdentityError::Scheme),
            ("", IdentityError::Scheme),
            ("spiffe://td", IdentityError::Shape),
            ("spiffe://td/ns/a/sa", IdentityError::Shape),
            ("spiffe://td/ns/a/sa/b/", IdentityError::Shape),
            ("spiffe://td/ns/a/sa/b/c", IdentityError::Shape),
            ("spiffe://td/sa/a/ns/b", IdentityError::Shape),
            ("spiffe:///ns/a/sa/b", IdentityError::TrustDomain),
            ("spiffe://t d/ns/a/sa/b", IdentityError::TrustDomain),
            ("spiffe://user@td/ns/a/sa/b", IdentityError::TrustDomain),
            ("spiffe://td:8080/ns/a/sa/b", IdentityError::TrustDomain),
            ("spiffe://td/ns//sa/b", IdentityError::Namespace),
            ("spiffe://td/ns/../sa/b", IdentityError::Namespace),
            ("spiffe://td/ns/a/sa/", IdentityError::ServiceAccount),
            ("spiffe://td/ns/a/sa/b\0c", IdentityError::ServiceAccount),
            ("spiffe://td/ns/a/sa/b?x", IdentityError::ServiceAccount),
            ("spiffe://td/ns/a/sa/b#x", IdentityError::ServiceAccount),
            ("spiffe://td/ns/a/sa/%62", IdentityError::ServiceAccount),
            ("spiffe://td/ns/a/sa/bücher", IdentityError::ServiceAccount),
        ];
        for (id, want) in cases {
            assert_eq!(id.parse::<Identity>(), Err(want), "{id:?}");
        }
        let long = format!("spiffe://td/ns/a/sa/{}", "b".repeat(3000));
        assert_eq!(long.parse::<Identity>(), Err(IdentityError::TooLong));
    }
}
