//! The files of istiod's authorities, in the layouts of its versions.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SignatureAlgorithm,
};
use time::OffsetDateTime;

use super::{NOW, cacerts, fixture};
use crate::{AuthorityError, BundleError, Files, load};

/// A certificate of an authority, as istiod makes it: an organization, and ten years.
fn params(organization: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params.not_before, params.not_after) = (NOW, NOW + time::Duration::days(3650));
    params
}

fn root(algorithm: &'static SignatureAlgorithm) -> (String, CertifiedIssuer<'static, KeyPair>) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let text = key.serialize_pem();
    (text, CertifiedIssuer::self_signed(params("cluster.local"), key).unwrap())
}

fn files(entries: &[(&str, &str)]) -> Files {
    entries.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())).collect()
}

/// Loads files whose signing certificate is the one root.
fn assert_is_root(files: &Files, now: OffsetDateTime) {
    let authority = load(files, now).unwrap();
    assert!(authority.is_root());
    assert_eq!(authority.roots().roots().collect::<Vec<_>>(), [&*authority.certificate]);
}

#[test]
fn the_secret_of_each_version_is_a_root() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
        let (key, root) = root(algorithm);
        let pem = root.pem();
        // Up to 1.19 only the signing certificate was written. Since 1.20 the root is the same certificate.
        let until_1_19 = [("root-cert.pem", ""), ("cert-chain.pem", ""), ("key.pem", "")];
        let since_1_20 = [("root-cert.pem", &*pem), ("cert-chain.pem", ""), ("key.pem", "")];
        for rest in [until_1_19, since_1_20] {
            let mut files = files(&rest);
            files.insert("ca-cert.pem".into(), pem.clone().into_bytes());
            files.insert("ca-key.pem".into(), key.clone().into_bytes());
            assert_is_root(&files, NOW);
        }
    }
}

/// istiod's keys are RSA in PKCS #1 unless it is told otherwise. rcgen cannot make them.
#[test]
fn a_root_with_a_key_in_an_old_form_is_read_in_both_layouts() {
    let mut files = cacerts("sec1");
    assert_is_root(&files, NOW);
    files.insert("root-cert.pem".into(), fixture("sec1/ca-cert.pem"));
    assert_is_root(&files, NOW);
}

#[test]
fn a_signing_certificate_is_no_root_because_the_other_files_are_empty() {
    let mut files = cacerts("rsa");
    files.insert("root-cert.pem".into(), Vec::new());
    files.insert("cert-chain.pem".into(), Vec::new());
    let error = AuthorityError::Certificates { file: "root-cert.pem".into(), error: BundleError::Empty };
    assert_eq!(load(&files, NOW).unwrap_err(), error);
}

#[test]
fn cacerts_are_read_with_and_without_a_chain() {
    let (_, root) = root(&rcgen::PKCS_ECDSA_P256_SHA256);
    let key = KeyPair::generate().unwrap();
    let signer = params("shop").signed_by(&key, &root).unwrap().pem();
    let (key, root) = (key.serialize_pem(), root.pem());
    let three = [("ca-cert.pem", &*signer), ("ca-key.pem", &*key), ("root-cert.pem", &*root)];
    let both = signer.clone() + &root;
    for chain in [None, Some(""), Some("\n"), Some(&*signer), Some(&*root), Some(&*both)] {
        let mut files = files(&three);
        files.extend(chain.map(|chain| ("cert-chain.pem".to_owned(), chain.as_bytes().to_vec())));
        let authority = load(&files, NOW).unwrap();
        assert!(!authority.is_root());
        assert_eq!(authority.intermediates, std::slice::from_ref(&authority.certificate), "{chain:?}");
        assert_eq!(authority.roots().pem(), root);
    }
}
