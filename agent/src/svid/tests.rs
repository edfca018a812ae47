//! Answers of an authority that are taken, and those that are not.

use rcgen::{CertificateParams, IsCa, Issuer, KeyPair, SanType};
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2027-01-01 00:00:00 UTC);

fn reviews() -> Identity {
    Identity::new("cluster.local", "shop", "reviews").unwrap()
}

/// Leaf and root, signed for `id`, the leaf valid until `ends`.
fn signed(key: &KeyPair, id: &str, ends: OffsetDateTime) -> Vec<String> {
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
    leaf.not_after = ends;
    let leaf = leaf.signed_by(key, &Issuer::new(root, root_key)).unwrap();
    vec![leaf.pem().trim_end().to_owned(), root_pem]
}

/// A certificate for tests of others.
pub(crate) fn svid(id: &Identity) -> Svid {
    let key = KeyPair::generate().unwrap();
    let elements = signed(&key, &id.to_string(), datetime!(2027-02-01 00:00:00 UTC));
    Svid::new(&elements, &key, id, NOW).unwrap()
}

#[test]
fn a_good_answer_is_taken_whole() {
    let svid = svid(&reviews());
    assert_eq!(svid.not_after, datetime!(2027-02-01 00:00:00 UTC));
    assert_eq!(svid.chain().len(), 1);
    assert!(svid.chain_pem.ends_with("-----END CERTIFICATE-----\n"));
    assert!(svid.key_pem.contains("PRIVATE KEY"));
    assert!(!format!("{svid:?}").contains("PRIVATE"));
}

#[test]
fn useless_answers_are_refused() {
    let key = KeyPair::generate().unwrap();
    let later = datetime!(2027-02-01 00:00:00 UTC);
    let id = reviews().to_string();
    let refused = |elements: &[String]| Svid::new(elements, &key, &reviews(), NOW).unwrap_err();
    assert_eq!(refused(&[]), AnswerError::TooShort(0));
    let good = signed(&key, &id, later);
    assert_eq!(refused(&good[..1]), AnswerError::TooShort(1));
    assert_eq!(refused(&["x".into(), good[1].clone()]), AnswerError::NotACertificate);
    assert_eq!(refused(&[good[0].clone(), "x".into()]), AnswerError::NotACertificate);
    assert_eq!(refused(&signed(&KeyPair::generate().unwrap(), &id, later)), AnswerError::Key);
    let other = "spiffe://cluster.local/ns/shop/sa/ratings";
    assert_eq!(refused(&signed(&key, other, later)), AnswerError::Identity(other.into()));
    assert_eq!(refused(&signed(&key, &id, NOW)), AnswerError::Expired);
}
