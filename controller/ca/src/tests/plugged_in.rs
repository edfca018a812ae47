//! Plugged-in authorities: both layouts, every kind of key file, and each way to be wrong.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use time::OffsetDateTime;

use super::{NOW, TEN_YEARS, authority, cacerts, rsa_authority};
use crate::{AuthorityError, BundleError, Files, KeyError, load, self_signed};

fn params(name: &str, ends: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_after = ends;
    params
}

/// Root, two intermediates and the key of the lower one, whose times end 9, 8 and 7 days from now.
fn three_levels() -> Files {
    let days = |count| NOW + time::Duration::days(count);
    let (root_key, upper_key, lower_key) =
        (KeyPair::generate().unwrap(), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let lower_pem = lower_key.serialize_pem();
    let root_params = params("root", days(9));
    let root = root_params.self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(root_params, root_key);
    let upper_params = params("upper", days(8));
    let upper = upper_params.signed_by(&upper_key, &root_issuer).unwrap();
    let upper_issuer = Issuer::new(upper_params, upper_key);
    let lower = params("lower", days(7)).signed_by(&lower_key, &upper_issuer).unwrap();
    files(&[
        ("ca-cert.pem", lower.pem()),
        ("ca-key.pem", lower_pem),
        ("root-cert.pem", root.pem()),
        // Upside down and with the root in it, as operators do.
        ("cert-chain.pem", [root.pem(), upper.pem(), lower.pem()].concat()),
    ])
}

fn files(entries: &[(&str, String)]) -> Files {
    entries.iter().map(|(name, content)| ((*name).to_owned(), content.clone().into_bytes())).collect()
}

fn missing(files: &Files) -> Vec<String> {
    match load(files, NOW) {
        Err(AuthorityError::Missing { names }) => names,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_file_that_is_missing_is_named() {
    let whole = cacerts("rsa");
    for name in whole.keys().filter(|name| *name != "cert-chain.pem") {
        let mut files = whole.clone();
        files.remove(name);
        assert_eq!(missing(&files), std::slice::from_ref(name));
    }
    assert_eq!(missing(&Files::new()), ["ca-cert.pem", "ca-key.pem", "root-cert.pem"]);
    let tls = files(&[("tls.crt", String::new())]);
    assert_eq!(missing(&tls), ["ca.crt", "tls.key"]);
}

#[test]
fn the_layout_of_a_tls_secret_is_read() {
    let mut files = cacerts("rsa");
    let mut take = |name: &str| files.remove(name).unwrap();
    let secret = Files::from([
        ("tls.crt".to_owned(), take("ca-cert.pem")),
        ("tls.key".to_owned(), take("ca-key.pem")),
        ("ca.crt".to_owned(), take("root-cert.pem")),
    ]);
    let authority = load(&secret, NOW).unwrap();
    assert_eq!(authority.intermediates.len(), 1);
    assert_eq!(authority.roots(), rsa_authority().roots());
}

#[test]
fn what_is_self_signed_can_be_loaded_again() {
    let (made, files) = self_signed("cluster.local", TEN_YEARS, NOW, &ring::rand::SystemRandom::new()).unwrap();
    let loaded = load(&files, NOW).unwrap();
    assert_eq!(loaded.roots(), made.roots());
    assert!(loaded.is_root() && made.is_root());
    assert_eq!(loaded.validity(), made.validity());
    for bad in ["", "a\nb"] {
        let made = self_signed(bad, TEN_YEARS, NOW, &ring::rand::SystemRandom::new());
        assert!(matches!(made, Err(AuthorityError::TrustDomain)));
    }
}

#[test]
fn the_path_is_found_in_any_order_and_ends_with_its_shortest() {
    let authority = load(&three_levels(), NOW).unwrap();
    assert_eq!(authority.intermediates.len(), 2);
    assert_eq!(authority.intermediates[0], authority.certificate);
    assert_eq!(authority.validity().not_after, NOW + time::Duration::days(7));
    let late = NOW + time::Duration::days(7) + time::Duration::seconds(1);
    assert_eq!(load(&three_levels(), late).unwrap_err(), AuthorityError::NotValidNow);
}

#[test]
fn a_path_with_a_gap_is_refused() {
    let mut files = three_levels();
    let lower = files["ca-cert.pem"].clone();
    files.insert("cert-chain.pem".into(), lower);
    assert_eq!(load(&files, NOW).unwrap_err(), AuthorityError::NoPath);
    let mut files = three_levels();
    files.insert("root-cert.pem".into(), authority().roots().pem().as_bytes().to_vec());
    assert_eq!(load(&files, NOW).unwrap_err(), AuthorityError::NoPath);
}

#[test]
fn the_chain_may_be_left_out_only_if_a_root_signed_the_certificate() {
    let mut files = three_levels();
    let empty = AuthorityError::Certificates { file: "cert-chain.pem".into(), error: BundleError::Empty };
    files.insert("cert-chain.pem".into(), b"\n".to_vec());
    assert_eq!(load(&files, NOW).unwrap_err(), empty);
    files.remove("cert-chain.pem");
    assert_eq!(missing(&files), ["cert-chain.pem"]);
}

#[test]
fn anothers_key_is_refused() {
    let mut files = three_levels();
    files.insert("ca-key.pem".into(), KeyPair::generate().unwrap().serialize_pem().into_bytes());
    assert_eq!(load(&files, NOW).unwrap_err(), AuthorityError::KeyMismatch);
}

#[test]
fn a_certificate_that_may_not_sign_is_refused() {
    for (is_ca, key_usages) in [
        (IsCa::ExplicitNoCa, vec![KeyUsagePurpose::KeyCertSign]),
        (IsCa::Ca(BasicConstraints::Unconstrained), vec![KeyUsagePurpose::DigitalSignature]),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut params = params("root", NOW + time::Duration::days(1));
        (params.is_ca, params.key_usages) = (is_ca, key_usages);
        let pem = params.self_signed(&key).unwrap().pem();
        let files = files(&[
            ("ca-cert.pem", pem.clone()),
            ("ca-key.pem", key.serialize_pem()),
            ("root-cert.pem", pem.clone()),
            ("cert-chain.pem", pem),
        ]);
        assert_eq!(load(&files, NOW).unwrap_err(), AuthorityError::NotAnAuthority);
    }
}

#[test]
fn broken_files_are_named() {
    let mut files = cacerts("rsa");
    files.insert("root-cert.pem".into(), b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec());
    let error = AuthorityError::Certificates { file: "root-cert.pem".into(), error: BundleError::NotACertificate };
    assert_eq!(load(&files, NOW).unwrap_err(), error);
    let mut files = cacerts("rsa");
    files.insert("ca-key.pem".into(), b"nothing".to_vec());
    assert_eq!(
        load(&files, NOW).unwrap_err(),
        AuthorityError::Key { file: "ca-key.pem".into(), error: KeyError::NotPem }
    );
    let mut files = cacerts("rsa");
    let many = authority().roots().pem().repeat(65);
    files.insert("cert-chain.pem".into(), many.into_bytes());
    let error = AuthorityError::Certificates { file: "cert-chain.pem".into(), error: BundleError::TooLarge };
    assert_eq!(load(&files, NOW).unwrap_err(), error);
}

#[test]
fn nothing_printed_shows_a_key() {
    let (authority, files) = self_signed("td", TEN_YEARS, NOW, &ring::rand::SystemRandom::new()).unwrap();
    let key = String::from_utf8(files["ca-key.pem"].clone()).unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(!format!("{authority:?}").contains(secret));
    assert!(format!("{authority:?}").contains("SigningKey(P-256)"));
}
