//! Requests: what is taken, what is refused, and that hostile bytes only ever end in an error.

use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;

use super::{fixture, request, request_of};
use crate::pem;
use crate::{CsrError, Request};

fn der_of(pem: &str) -> Vec<u8> {
    CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

fn parse_der(der: &[u8]) -> Result<Request, CsrError> {
    Request::parse(pem::encode("CERTIFICATE REQUEST", der).as_bytes())
}

#[test]
fn common_keys_are_taken_as_they_are() {
    for key in [KeyPair::generate().unwrap(), KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()] {
        let csr = request_of(&CertificateParams::default(), &key);
        let parsed = Request::parse(csr.as_bytes()).unwrap();
        assert_eq!(parsed.public_key(), rcgen::PublicKeyData::subject_public_key_info(&key));
    }
    for name in ["rsa-2048", "p384-with-names"] {
        let csr = fixture(&format!("requests/{name}.pem"));
        assert!(Request::parse(&csr).is_ok(), "{name}");
    }
}

#[test]
fn weak_and_odd_keys_are_refused() {
    for name in ["rsa-1024", "rsa-pss", "sha1", "p521", "ed25519", "explicit-curve"] {
        let csr = fixture(&format!("requests/{name}.pem"));
        assert_eq!(Request::parse(&csr), Err(CsrError::Unsupported), "{name}");
    }
}

#[test]
fn another_keys_signature_is_refused() {
    let (mine, other) = (der_of(&request()), der_of(&request()));
    // The BIT STRING of an uncompressed point is at the same place in both.
    let point_of = |der: &[u8]| der.windows(4).position(|window| window == [0x03, 0x42, 0x00, 0x04]).unwrap();
    let point = point_of(&mine);
    assert_eq!(point, point_of(&other));
    let mut forged = mine.clone();
    forged[point..point + 68].copy_from_slice(&other[point..point + 68]);
    assert!(matches!(parse_der(&forged), Err(CsrError::Signature)));
}

#[test]
fn text_that_is_no_request_is_refused() {
    let root = super::authority();
    for (text, want) in [
        (String::new(), CsrError::NotPem),
        ("-----BEGIN CERTIFICATE REQUEST-----".to_owned(), CsrError::NotPem),
        ("-----BEGIN CERTIFICATE REQUEST-----\n!\n-----END CERTIFICATE REQUEST-----\n".to_owned(), CsrError::NotPem),
        (root.roots().pem().to_owned(), CsrError::NotPem),
        (pem::encode("CERTIFICATE REQUEST", b""), CsrError::NotDer),
        (pem::encode("CERTIFICATE REQUEST", root.roots().roots().next().unwrap()), CsrError::NotDer),
        ("A".repeat(17 * 1024), CsrError::TooLarge),
    ] {
        assert_eq!(Request::parse(text.as_bytes()), Err(want), "{text}");
    }
    let mut longer = der_of(&request());
    longer.push(0);
    assert_eq!(parse_der(&longer), Err(CsrError::NotDer));
}

#[test]
fn deep_nesting_ends() {
    let mut der = Vec::new();
    for _ in 0..3000 {
        der = crate::der::sequence(&[der]);
        if der.len() > 11_000 {
            break;
        }
    }
    assert_eq!(parse_der(&der), Err(CsrError::NotDer));
}

#[test]
fn no_single_flipped_bit_changes_the_key() {
    let der = der_of(&request());
    let key = parse_der(&der).unwrap();
    let mut passed = 0;
    for at in 0..der.len() {
        for bit in 0..8 {
            let mut flipped = der.clone();
            flipped[at] ^= 1 << bit;
            // The tags around the signed part are read loosely; nothing comes of them.
            if let Ok(same) = parse_der(&flipped) {
                assert_eq!(same, key, "byte {at} bit {bit}");
                passed += 1;
            }
        }
    }
    assert!(passed < 32, "{passed} flips passed");
}

proptest! {
    #[test]
    fn any_bytes_end_in_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(parse_der(&bytes).is_err());
        prop_assert!(Request::parse(&bytes).is_err());
    }

    #[test]
    fn any_cut_and_splice_ends(from in 0usize..400, length in 0usize..60, fill in any::<u8>(), name in 0usize..4) {
        let names = ["rsa-2048", "rsa-pss", "p384-with-names", "explicit-curve"];
        let csr = String::from_utf8(fixture(&format!("requests/{}.pem", names[name]))).unwrap();
        let mut der = der_of(&csr);
        let from = from.min(der.len());
        let to = (from + length).min(der.len());
        der.splice(from..to, std::iter::repeat_n(fill, length / 2));
        let _ = parse_der(&der);
    }
}
