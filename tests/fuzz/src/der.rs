//! As much DER and PEM as it takes to write a signing request by hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A value with its tag and length.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A BIT STRING of whole bytes.
pub(crate) fn bits(content: &[u8]) -> Vec<u8> {
    tagged(3, &[&[0], content].concat())
}

/// A SubjectPublicKeyInfo of a point on P-256.
pub(crate) fn p256(point: &[u8]) -> Vec<u8> {
    let algorithm = [tagged(6, b"\x2a\x86\x48\xce\x3d\x02\x01"), tagged(6, b"\x2a\x86\x48\xce\x3d\x03\x01\x07")];
    tagged(0x30, &[tagged(0x30, &algorithm.concat()), bits(point)].concat())
}

/// The AlgorithmIdentifier of ECDSA with SHA-256.
pub(crate) fn ecdsa_sha256() -> Vec<u8> {
    tagged(0x30, &tagged(6, b"\x2a\x86\x48\xce\x3d\x04\x03\x02"))
}

/// A RelativeDistinguishedName: an organization.
pub(crate) fn organization(name: &[u8]) -> Vec<u8> {
    tagged(0x31, &tagged(0x30, &[tagged(6, b"\x55\x04\x0a"), tagged(12, name)].concat()))
}

/// An attribute that asks for the extension subjectAltName with one URI.
pub(crate) fn alternative_name(uri: &[u8]) -> Vec<u8> {
    let names = tagged(4, &tagged(0x30, &tagged(0x86, uri)));
    let extension = tagged(0x30, &[tagged(6, b"\x55\x1d\x11"), names].concat());
    let request = tagged(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
    tagged(0x30, &[request, tagged(0x31, &tagged(0x30, &extension))].concat())
}

/// One PEM section.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// What is in the first PEM section; nothing if there is none.
pub(crate) fn body(pem: &str) -> Vec<u8> {
    let lines = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let text: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
    STANDARD.decode(text).unwrap_or_default()
}
