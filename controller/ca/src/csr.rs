//! A workload's signing request. Only its public key is used; whatever names it asks for are ignored.

use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_PKCS1_SHA256WITHRSA,
    OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::error::CsrError;
use crate::{der, oid};

/// A request with an RSA key of 8192 bits and many names is below 8 KiB.
const MAX_BYTES: usize = 16 * 1024;
/// RSA keys of more bits make signatures that take long to check.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A request whose sender has the private key that goes with the public key in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// SubjectPublicKeyInfo, written anew from the checked parts of the sender's.
    public_key: Vec<u8>,
}

impl Request {
    /// Reads PEM and verifies the proof of possession.
    ///
    /// # Errors
    /// Says at which step the request failed.
    pub fn parse(pem: &[u8]) -> Result<Self, CsrError> {
        if pem.len() > MAX_BYTES {
            return Err(CsrError::TooLarge);
        }
        let der = CertificateSigningRequestDer::from_pem_slice(pem).map_err(|_| CsrError::NotPem)?;
        let (rest, request) = X509CertificationRequest::from_der(&der).map_err(|_| CsrError::NotDer)?;
        if !rest.is_empty() {
            return Err(CsrError::NotDer);
        }
        if !is_strong(&request) {
            return Err(CsrError::Unsupported);
        }
        let public_key = rewrite(&request.certification_request_info.subject_pki)?;
        request.verify_signature().map_err(|_| CsrError::Signature)?;
        Ok(Self { public_key })
    }

    /// The DER of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

/// SHA-1 and older are out, and so is RSA-PSS, whose parameters have more ways to be wrong than users.
fn is_strong(request: &X509CertificationRequest<'_>) -> bool {
    [
        OID_SIG_ECDSA_WITH_SHA256,
        OID_SIG_ECDSA_WITH_SHA384,
        OID_PKCS1_SHA256WITHRSA,
        OID_PKCS1_SHA384WITHRSA,
        OID_PKCS1_SHA512WITHRSA,
    ]
    .contains(&request.signature_algorithm.algorithm)
}

/// The key as we spell it, so that no byte of the sender's own encoding reaches a certificate unchecked. That the point
/// is on its curve and that the modulus is a sound one is checked by the verification of the signature.
fn rewrite(key: &SubjectPublicKeyInfo<'_>) -> Result<Vec<u8>, CsrError> {
    let algorithm = &key.algorithm;
    let bytes: &[u8] = &key.subject_public_key.data;
    if key.subject_public_key.unused_bits != 0 {
        return Err(CsrError::Unsupported);
    }
    if algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
        let (curve, length) = match curve {
            Some(curve) if curve == OID_EC_P256 => (oid::CURVE_P256, 65),
            Some(curve) if curve == OID_NIST_EC_P384 => (oid::CURVE_P384, 97),
            _ => return Err(CsrError::Unsupported),
        };
        if bytes.len() != length || bytes.first() != Some(&4) {
            return Err(CsrError::Unsupported);
        }
        return Ok(public_key(&[der::oid(oid::EC_PUBLIC_KEY), der::oid(curve)], bytes));
    }
    match key.parsed() {
        Ok(PublicKey::RSA(rsa))
            if algorithm.algorithm == OID_PKCS1_RSAENCRYPTION && RSA_BITS.contains(&rsa.key_size()) =>
        {
            Ok(public_key(&[der::oid(oid::RSA_ENCRYPTION), der::null()], bytes))
        }
        _ => Err(CsrError::Unsupported),
    }
}

/// A SubjectPublicKeyInfo.
pub(crate) fn public_key(algorithm: &[Vec<u8>], bytes: &[u8]) -> Vec<u8> {
    der::sequence(&[der::sequence(algorithm), der::bits(0, bytes)])
}
