//! Cipher suites, curves and pinned certificates, which Envoy's BoringSSL checks.

use crate::validate::report::quote;

/// Cipher suites of TLS 1.2 and before. Envoy chooses those of TLS 1.3 itself.
const CIPHER_SUITES: [&str; 17] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-PSK-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-PSK-AES128-CBC-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-PSK-AES256-CBC-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
];

/// Curves that every supported Envoy knows, under one name each: Envoy 1.40 refuses a curve that is named twice.
const CURVES: [&str; 5] = ["P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"];

/// Bytes of a SHA-256 hash.
const HASH: usize = 32;

/// Checks the name of a cipher suite.
///
/// # Errors
/// That Envoy does not know it.
pub fn cipher_suite(name: &str) -> Result<(), String> {
    if CIPHER_SUITES.contains(&name) {
        return Ok(());
    }
    Err(format!("{} is not a cipher suite that Envoy knows", quote(name)))
}

/// Checks the name of a curve.
///
/// # Errors
/// That not every supported Envoy knows it.
pub fn curve(name: &str) -> Result<(), String> {
    if CURVES.contains(&name) {
        return Ok(());
    }
    Err(format!("{} is none of the curves that Envoy knows: {}", quote(name), CURVES.join(", ")))
}

/// Checks the hash of a certificate: 64 hexadecimal digits, or 32 pairs of them with colons between.
///
/// # Errors
/// That it is none.
pub fn certificate_hash(hash: &str) -> Result<(), String> {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut pairs = hash.split(':');
    if hash.len() == 2 * HASH && is_hex(hash)
        || hash.len() == 3 * HASH - 1 && pairs.all(|pair| pair.len() == 2 && is_hex(pair))
    {
        return Ok(());
    }
    Err(format!("{} is not a SHA-256 hash in hexadecimal digits", quote(hash)))
}

/// Checks the hash of a public key: a SHA-256 hash in base64.
///
/// # Errors
/// That it is none.
pub fn public_key_hash(hash: &str) -> Result<(), String> {
    let is_base64 = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    // 32 bytes are 43 characters and a `=`. The last character has two bits too many, which must be 0.
    let digits = hash.strip_suffix('=').filter(|digits| digits.len() == 43 && is_base64(digits));
    if digits.is_some_and(|digits| digits.ends_with(|last| "AEIMQUYcgkosw048".contains(last))) {
        return Ok(());
    }
    Err(format!("{} is not a SHA-256 hash in base64", quote(hash)))
}

#[cfg(test)]
mod tests {
    use super::{certificate_hash, cipher_suite, curve, public_key_hash};

    #[test]
    fn algorithms_have_the_names_of_boringssl() {
        assert_eq!(cipher_suite("AES256-SHA"), Ok(()));
        assert!(cipher_suite("aes256-sha").is_err() && cipher_suite("ALL").is_err());
        assert_eq!(curve("X25519"), Ok(()));
        assert!(curve("x25519").is_err() && curve("P-256:P-384").is_err() && curve("").is_err());
    }

    #[test]
    fn a_hash_has_32_bytes() {
        let pairs = ["0A"; 32];
        assert_eq!((certificate_hash(&pairs.concat()), certificate_hash(&pairs.join(":"))), (Ok(()), Ok(())));
        for bad in ["", "0a", &"0a:".repeat(32), &"xy".repeat(32), &"0a".repeat(33), &"0a0:".repeat(24)[..95]] {
            assert!(certificate_hash(bad).is_err(), "{bad}");
        }
        assert_eq!(public_key_hash("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="), Ok(()));
        for bad in ["", "MDEy", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDF=", &"a".repeat(44)] {
            assert!(public_key_hash(bad).is_err(), "{bad}");
        }
    }
}
