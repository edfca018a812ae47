//! The workload's certificate with its key, which is in memory only.

mod renew;

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use heddle_model::identity::Identity;

pub(crate) use renew::renew;

/// What is served to Envoy, and shown to the control plane. Shared between tasks; a renewal is a new one.
pub(crate) struct Svid {
    /// Leaf and intermediates, PEM.
    pub(crate) chain_pem: String,
    /// The private key, PEM of PKCS #8.
    pub(crate) key_pem: String,
    /// What to trust, PEM.
    pub(crate) roots_pem: String,
    /// When the leaf ends.
    pub(crate) not_after: OffsetDateTime,
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
}

/// The certificate of the moment, if there is one yet.
pub(crate) type Current = Option<Arc<Svid>>;

/// Why an answer of the certificate authority is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// There are not at least a leaf and the roots.
    #[error("the response has {0} certificates; it needs at least a leaf and a root")]
    TooShort(usize),
    /// One of the elements is not PEM, or not a certificate.
    #[error("the response has an element that is not a certificate")]
    NotACertificate,
    /// The leaf is for another key.
    #[error("the certificate is for another key")]
    Key,
    /// The leaf is for another workload.
    #[error("the certificate is for {0}")]
    Identity(String),
    /// The leaf has ended.
    #[error("the certificate has expired")]
    Expired,
}

impl Svid {
    /// Puts the answer of a certificate authority together with the key: leaf, intermediates, roots last.
    ///
    /// # Errors
    /// When the certificate would be of no use: another key, another workload, another time.
    pub(crate) fn new(
        elements: &[String],
        key: &rcgen::KeyPair,
        identity: &Identity,
        now: OffsetDateTime,
    ) -> Result<Self, AnswerError> {
        let [chain @ .., roots_pem] = elements else { return Err(AnswerError::TooShort(0)) };
        if chain.is_empty() {
            return Err(AnswerError::TooShort(elements.len()));
        }
        let chain_pem = chain.iter().map(|element| with_newline(element)).collect::<String>();
        let chain = certificates(&chain_pem)?;
        certificates(roots_pem)?;
        let (_, leaf) = parse_x509_certificate(&chain[0]).map_err(|_| AnswerError::NotACertificate)?;
        if leaf.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(key) {
            return Err(AnswerError::Key);
        }
        let id = spiffe_id(&leaf);
        if id.parse() != Ok(identity.clone()) {
            return Err(AnswerError::Identity(id));
        }
        let not_after = leaf.validity().not_after.to_datetime();
        if not_after <= now {
            return Err(AnswerError::Expired);
        }
        Ok(Self {
            chain_pem,
            key_pem: key.serialize_pem(),
            roots_pem: with_newline(roots_pem),
            not_after,
            chain,
            key: key.serialize_der().into(),
        })
    }

    /// Leaf and intermediates, for TLS.
    #[must_use]
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    /// The private key, for TLS.
    #[must_use]
    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }
}

impl std::fmt::Debug for Svid {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Svid").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

fn with_newline(pem: &str) -> String {
    format!("{}\n", pem.trim_end())
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, AnswerError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or(AnswerError::NotACertificate)
}

/// The first URI of the certificate's names; nothing in it when there is none.
fn spiffe_id(leaf: &x509_parser::certificate::X509Certificate<'_>) -> String {
    let names = leaf.subject_alternative_name().ok().flatten();
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let uri = names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    });
    uri.unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
