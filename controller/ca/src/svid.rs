//! Reads the identity in a workload's certificate, by the rules of X.509-SVID.
//!
//! Whether the certificate leads to a root is the TLS library's to verify, before this is asked.

use heddle_model::identity::Identity;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::bundle;
use crate::error::SvidError;

/// The workload that a certificate (DER) names.
///
/// # Errors
/// When the certificate has not exactly one URI, when that is no workload's id, or when it may sign other certificates.
pub fn identity(certificate: &[u8]) -> Result<Identity, SvidError> {
    let certificate = bundle::decode(certificate).map_err(|_| SvidError::NotACertificate)?;
    check_usage(&certificate)?;
    let names = certificate.subject_alternative_name().map_err(|_| SvidError::NotOneUri)?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => Ok(uri.parse()?),
        _ => Err(SvidError::NotOneUri),
    }
}

/// A leaf has `CA:false`, may sign data, and neither certificates nor revocation lists.
fn check_usage(certificate: &X509Certificate<'_>) -> Result<(), SvidError> {
    let constraints = certificate.basic_constraints().map_err(|_| SvidError::NotACertificate)?;
    if constraints.is_some_and(|constraints| constraints.value.ca) {
        return Err(SvidError::Authority);
    }
    let usage = certificate.key_usage().map_err(|_| SvidError::NotACertificate)?.ok_or(SvidError::Usage)?;
    if usage.value.key_cert_sign() || usage.value.crl_sign() {
        return Err(SvidError::Authority);
    }
    if usage.value.digital_signature() { Ok(()) } else { Err(SvidError::Usage) }
}
