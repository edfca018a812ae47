//! The certificate of the workload with its key. Both are only in memory.

mod renew;

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use heddle_model::identity::Identity;

pub(crate) use renew::renew;

/// The certificate for Envoy and for the connection to the control plane. Tasks share it, and a renewal creates a new
/// one.
pub(crate) struct Svid {
    /// The leaf and the intermediates, PEM.
    pub(crate) chain_pem: String,
    /// The private key, PEM of PKCS #8.
    pub(crate) key_pem: String,
    /// The trust bundle, PEM.
    pub(crate) roots_pem: String,
    /// The expiry of the leaf.
    pub(crate) not_after: OffsetDateTime,
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
}

/// The current certificate, if there is one.
pub(crate) type Current = Option<Arc<Svid>>;

/// Why a response of the certificate authority is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// There are fewer certificates than a leaf and a root.
    #[error("the response has {0} certificates; it needs at least a leaf and a root")]
    TooShort(usize),
    /// An element is not PEM, or not a certificate.
    #[error("the response has an element that is not a certificate")]
    NotACertificate,
    /// The leaf is for another key.
    #[error("the certificate is for another key")]
    Key,
    /// The leaf is for another workload.
    #[error("the certificate is for {0}")]
    Identity(String),
    /// The leaf has expired.
    #[error("the certificate has expired")]
    Expired,
}

impl Svid {
    /// Combines the response of a certificate authority with the key. The order is: leaf, intermediates, roots.
    ///
    /// # Errors
    /// When the certificate is for another key or another workload, or has expired.
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

    /// The leaf and the intermediates, for TLS.
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
    /// Never prints the key.
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

/// The first URI of the certificate's names. It is empty if there is none (SPIFFE X.509-SVID, section 2).
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
