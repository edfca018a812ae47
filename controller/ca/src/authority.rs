//! The signing key with its certificate, the path from it to a root, and the roots.

use std::collections::BTreeMap;
use std::time::Duration;

use ring::rand::SecureRandom;
use time::OffsetDateTime;

use crate::bundle::Bundle;
use crate::certificate::{self, Certificate, Usage};
use crate::error::AuthorityError;
use crate::key::SigningKey;
use crate::lifetime::{BACKDATE, Validity, span};
use crate::load;
use crate::pem;

/// File names with their content: a folder's, or the data of a Kubernetes Secret.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Signs certificates. It is made by [`crate::load`] or [`self_signed`], and does not change.
#[derive(Debug)]
pub struct Authority {
    pub(crate) key: SigningKey,
    /// The DER of the signing certificate's subject.
    pub(crate) subject: Vec<u8>,
    /// The signing certificate's subjectKeyIdentifier, if it has one.
    pub(crate) key_id: Option<Vec<u8>>,
    /// The signing certificate's DER.
    pub(crate) certificate: Vec<u8>,
    /// The path from the signing certificate up to the root, the root excluded; empty where a root signs.
    pub(crate) intermediates: Vec<Vec<u8>>,
    /// The time for which every certificate on the path is valid.
    pub(crate) validity: Validity,
    pub(crate) roots: Bundle,
}

impl Authority {
    /// What workloads must trust.
    #[must_use]
    pub fn roots(&self) -> &Bundle {
        &self.roots
    }

    /// The time for which the signing certificate and those between it and the root are all valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The signing certificate is itself one of the roots.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.intermediates.is_empty()
    }

    /// The PEM of each certificate between leaf and root, the signing certificate first.
    pub(crate) fn path(&self) -> Vec<String> {
        self.intermediates.iter().map(|der| pem::certificate(der)).collect()
    }
}

/// Makes a root with a new ECDSA P-256 key, whose organization is the trust domain, as istiod's is.
///
/// The files are in the layout that [`crate::load`] reads. The private key is among them: they must be kept unreadable
/// to others.
///
/// # Errors
/// When the trust domain cannot be in a certificate, or the system has no randomness.
pub fn self_signed(
    trust_domain: &str,
    length: Duration,
    now: OffsetDateTime,
    random: &dyn SecureRandom,
) -> Result<(Authority, Files), AuthorityError> {
    if trust_domain.is_empty() || trust_domain.len() > 64 || trust_domain.chars().any(char::is_control) {
        return Err(AuthorityError::TrustDomain);
    }
    let (key, pkcs8) = SigningKey::generate(random).ok_or(AuthorityError::Crypto)?;
    let der = root(&key, certificate::organization(trust_domain), length, now).ok_or(AuthorityError::Crypto)?;
    let certificate = pem::certificate(&der).into_bytes();
    let files = Files::from([
        (load::CERTIFICATE.to_owned(), certificate.clone()),
        (load::KEY.to_owned(), pem::encode("PRIVATE KEY", &pkcs8).into_bytes()),
        (load::CHAIN.to_owned(), certificate.clone()),
        (load::ROOT.to_owned(), certificate),
    ]);
    Ok((load::load(&files, now)?, files))
}

/// A root certificate for the key, or nothing when the signing failed.
pub(crate) fn root(key: &SigningKey, subject: Vec<u8>, length: Duration, now: OffsetDateTime) -> Option<Vec<u8>> {
    let public_key = key.public_key();
    let id = certificate::key_id(&public_key);
    let validity = Validity { not_before: now.checked_sub(span(BACKDATE))?, not_after: now.checked_add(span(length))? };
    let certificate = Certificate {
        issuer: subject.clone(),
        subject,
        public_key,
        validity,
        extensions: vec![
            certificate::basic_constraints(true),
            certificate::key_usage(&[Usage::SignCertificates, Usage::SignRevocationLists]),
            certificate::subject_key_id(&id),
        ],
    };
    certificate.sign(key)
}
