//! PEM in and out, with limits: what comes in may be anybody's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::error::BundleError;

/// No list of certificates has more than this many: it bounds the work of a hostile file.
const MAX_CERTIFICATES: usize = 64;
/// No file of certificates is longer than this.
const MAX_BYTES: usize = 512 * 1024;
/// Base64 characters to a line, by RFC 7468.
const LINE: usize = 64;

/// Every certificate of a PEM file, in order. Text around them is ignored, other sections too.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, BundleError> {
    if pem.len() > MAX_BYTES {
        return Err(BundleError::TooLarge);
    }
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| BundleError::NotPem)?;
        if found.len() == MAX_CERTIFICATES {
            return Err(BundleError::TooLarge);
        }
        found.push(certificate.to_vec());
    }
    Ok(found)
}

/// One PEM section with a newline at its end.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(LINE));
        out.push_str(line);
        out.push('\n');
        rest = next;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

/// A certificate's PEM with a newline at its end.
pub(crate) fn certificate(der: &[u8]) -> String {
    encode("CERTIFICATE", der)
}
