//! Writes and signs one certificate (RFC 5280), whatever it is for.

use ring::digest::{SHA256, digest};

use crate::key::SigningKey;
use crate::lifetime::Validity;
use crate::{der, oid};

/// All that goes into a certificate beside what its signer adds.
pub(crate) struct Certificate {
    /// The DER of the signer's Name: the very bytes of its certificate's subject.
    pub(crate) issuer: Vec<u8>,
    /// The DER of the Name.
    pub(crate) subject: Vec<u8>,
    /// The DER of the SubjectPublicKeyInfo.
    pub(crate) public_key: Vec<u8>,
    pub(crate) validity: Validity,
    /// Extensions made by the functions below, in the order in which they are written.
    pub(crate) extensions: Vec<Vec<u8>>,
}

/// A bit of the extension keyUsage.
#[derive(Clone, Copy)]
pub(crate) enum Usage {
    DigitalSignature = 0,
    KeyEncipherment = 2,
    SignCertificates = 5,
    SignRevocationLists = 6,
}

impl Certificate {
    /// The signed certificate's DER, or nothing when the signing failed.
    ///
    /// The serial number is a digest of all that the certificate says, so the same certificate has the same number and
    /// two different ones never share it; no chance is needed.
    pub(crate) fn sign(&self, key: &SigningKey) -> Option<Vec<u8>> {
        let validity = der::sequence(&[der::moment(self.validity.not_before), der::moment(self.validity.not_after)]);
        let content = [
            key.algorithm(),
            self.issuer.clone(),
            validity,
            self.subject.clone(),
            self.public_key.clone(),
            der::tagged(der::explicit(3), &der::sequence(&self.extensions)),
        ];
        let version_3 = der::tagged(der::explicit(0), &der::unsigned(&[2]));
        let signed = der::sequence(&[version_3, serial(&content.concat()), content.concat()]);
        let signature = key.sign(&signed)?;
        Some(der::sequence(&[signed, key.algorithm(), der::bits(0, &signature)]))
    }
}

/// A Name without any part.
pub(crate) fn no_name() -> Vec<u8> {
    der::sequence(&[])
}

/// A Name of an organization.
pub(crate) fn organization(name: &str) -> Vec<u8> {
    der::sequence(&[der::set_of_one(&der::sequence(&[der::oid(oid::ORGANIZATION), der::text(name)]))])
}

/// The identifier of a public key: the first 20 bytes of its digest.
pub(crate) fn key_id(public_key: &[u8]) -> Vec<u8> {
    digest(&SHA256, public_key).as_ref().iter().copied().take(20).collect()
}

/// basicConstraints, critical.
pub(crate) fn basic_constraints(authority: bool) -> Vec<u8> {
    let content = if authority { der::sequence(&[der::yes()]) } else { der::sequence(&[]) };
    extension(oid::BASIC_CONSTRAINTS, true, &content)
}

/// keyUsage, critical.
pub(crate) fn key_usage(usages: &[Usage]) -> Vec<u8> {
    let byte = usages.iter().fold(0_u8, |byte, usage| byte | (0x80 >> *usage as u8));
    let unused = u8::try_from(byte.trailing_zeros()).unwrap_or(0) & 7;
    extension(oid::KEY_USAGE, true, &der::bits(unused, &[byte]))
}

/// extendedKeyUsage from object identifiers.
pub(crate) fn extended_key_usage(usages: &[&[u8]]) -> Vec<u8> {
    let usages = usages.iter().map(|usage| der::oid(usage)).collect::<Vec<_>>();
    extension(oid::EXTENDED_KEY_USAGE, false, &der::sequence(&usages))
}

/// subjectKeyIdentifier.
pub(crate) fn subject_key_id(id: &[u8]) -> Vec<u8> {
    extension(oid::SUBJECT_KEY_ID, false, &der::octets(id))
}

/// authorityKeyIdentifier.
pub(crate) fn authority_key_id(id: &[u8]) -> Vec<u8> {
    extension(oid::AUTHORITY_KEY_ID, false, &der::sequence(&[der::tagged(der::implicit(0), id)]))
}

/// subjectAltName, critical, as it must be beside an empty subject. `names` are GeneralNames.
pub(crate) fn alternative_names(names: &[Vec<u8>]) -> Vec<u8> {
    extension(oid::SUBJECT_ALT_NAME, true, &der::sequence(names))
}

fn extension(id: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let mut parts = vec![der::oid(id)];
    if critical {
        parts.push(der::yes());
    }
    parts.push(der::octets(content));
    der::sequence(&parts)
}

/// 127 bits: positive, never zero, and below the 20 bytes that RFC 5280 allows.
fn serial(content: &[u8]) -> Vec<u8> {
    let mut number = digest(&SHA256, content).as_ref().iter().copied().take(16).collect::<Vec<_>>();
    if let Some(first) = number.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    der::unsigned(&number)
}
