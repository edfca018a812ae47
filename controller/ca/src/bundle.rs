//! The root certificates that all workloads trust.

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::error::BundleError;
use crate::pem;

/// Root certificates in the order of their file, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    roots: Vec<Vec<u8>>,
    pem: String,
}

impl Bundle {
    /// Reads a PEM file with one root or more.
    ///
    /// # Errors
    /// When there is none in it, or one cannot be decoded.
    pub fn parse(pem: &[u8]) -> Result<Self, BundleError> {
        Self::of(parse(pem)?)
    }

    /// Each root's DER.
    pub fn roots(&self) -> impl Iterator<Item = &[u8]> {
        self.roots.iter().map(Vec::as_slice)
    }

    /// All roots in one text, each with a newline at its end.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Both bundles' roots, `self`'s first.
    ///
    /// # Errors
    /// When they are too many.
    pub fn join(&self, other: &Self) -> Result<Self, BundleError> {
        Self::of([self.roots.clone(), other.roots.clone()].concat())
    }

    /// Whoever is trusted by `other` is trusted by `self`: for every root of `other` there is one with the same name
    /// and key. A root that was renewed is the same to all that it signed.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.roots.iter().all(|root| self.roots.iter().any(|mine| same_signer(mine, root)))
    }

    pub(crate) fn of(all: Vec<Vec<u8>>) -> Result<Self, BundleError> {
        let mut roots = Vec::new();
        for root in all {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        if roots.is_empty() {
            return Err(BundleError::Empty);
        }
        let pem = roots.iter().map(|root| pem::certificate(root)).collect();
        Ok(Self { roots, pem })
    }
}

/// The certificates of a PEM file, each of which can be decoded; at least one.
pub(crate) fn parse(pem: &[u8]) -> Result<Vec<Vec<u8>>, BundleError> {
    let certificates = pem::certificates(pem)?;
    if certificates.is_empty() {
        return Err(BundleError::Empty);
    }
    for certificate in &certificates {
        decode(certificate)?;
    }
    Ok(certificates)
}

fn same_signer(one: &[u8], other: &[u8]) -> bool {
    match (decode(one), decode(other)) {
        (Ok(one), Ok(other)) => {
            one.subject().as_raw() == other.subject().as_raw() && one.public_key().raw == other.public_key().raw
        }
        _ => false,
    }
}

/// One whole certificate.
pub(crate) fn decode(der: &[u8]) -> Result<X509Certificate<'_>, BundleError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(BundleError::NotACertificate),
    }
}
