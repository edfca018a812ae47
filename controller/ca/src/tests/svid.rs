//! What is signed is an X.509-SVID that the TLS library of the other side verifies, whatever the request says.

use std::sync::Arc;

use heddle_model::identity::{Identity, IdentityError};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{NOW, authority, cacerts, day, der, fixture, request, request_of, rsa_authority, unix};
use crate::{Authority, Chain, CsrError, Lifetime, Limits, SignError, SvidError, identity, load, sign};

fn reviews() -> Identity {
    Identity::new("cluster.local", "shop", "reviews").unwrap()
}

fn signed(authority: &Authority) -> Chain {
    sign(authority, request().as_bytes(), &reviews(), day(), NOW).unwrap()
}

/// As the peer of a workload does it.
fn verify(chain: &Chain, now: time::OffsetDateTime) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    for root in crate::Bundle::parse(chain.roots.as_bytes()).unwrap().roots() {
        roots.add(root.to_vec().into()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let intermediates = chain.intermediates.iter().map(|pem| der(pem)).collect::<Vec<_>>();
    verifier.verify_client_cert(&der(&chain.leaf), &intermediates, unix(now)).map(|_| ())
}

#[test]
fn a_leaf_obeys_every_rule() {
    for authority in [authority(), rsa_authority(), load(&cacerts("sec1"), NOW).unwrap()] {
        let chain = signed(&authority);
        let leaf = der(&chain.leaf);
        let (rest, leaf) = X509Certificate::from_der(&leaf).unwrap();
        assert!(rest.is_empty());
        assert_eq!(leaf.version(), x509_parser::x509::X509Version::V3);
        assert_eq!(leaf.subject().iter().count(), 0);
        assert_eq!(leaf.issuer().as_raw(), authority.subject);
        assert_eq!(leaf.validity().not_before.to_datetime(), NOW - time::Duration::minutes(2));
        assert_eq!(leaf.validity().not_after.to_datetime(), NOW + time::Duration::days(1));
        assert!(leaf.raw_serial().len() <= 20 && leaf.raw_serial()[0] < 0x80);

        let names = leaf.subject_alternative_name().unwrap().unwrap();
        assert!(names.critical);
        assert_eq!(names.value.general_names, [GeneralName::URI("spiffe://cluster.local/ns/shop/sa/reviews")]);
        let constraints = leaf.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical && !constraints.value.ca);
        let usage = leaf.key_usage().unwrap().unwrap();
        assert!(usage.critical);
        // Bits 0 and 2: digitalSignature and keyEncipherment, no other.
        assert_eq!(usage.value.flags, 0b101);
        let extended = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(extended.server_auth && extended.client_auth && !extended.any && extended.other.is_empty());
        let authority_key = leaf.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
            _ => None,
        });
        assert_eq!(authority_key, authority.key_id);
        assert!(authority_key.is_some());
    }
}

#[test]
fn peers_verify_the_chain_while_it_is_valid() {
    for authority in [authority(), rsa_authority(), load(&cacerts("sec1"), NOW).unwrap()] {
        let chain = signed(&authority);
        assert_eq!(verify(&chain, NOW), Ok(()));
        assert_eq!(verify(&chain, NOW - time::Duration::seconds(119)), Ok(()));
        assert!(verify(&chain, NOW - time::Duration::minutes(3)).is_err());
        assert!(verify(&chain, NOW + time::Duration::days(2)).is_err());
        let strange = Chain { roots: super::authority().roots().pem().to_owned(), ..chain };
        assert!(verify(&strange, NOW).is_err());
    }
}

#[test]
fn the_chain_is_leaf_intermediates_roots() {
    let chain = signed(&authority());
    assert_eq!(chain.elements(), [chain.leaf, chain.roots.clone()]);
    let mut files = cacerts("rsa");
    let more = authority().roots().pem().as_bytes().to_vec();
    files.entry("root-cert.pem".into()).or_default().extend(more);
    let chain = signed(&load(&files, NOW).unwrap());
    let elements = chain.elements();
    assert_eq!(elements.len(), 3);
    for (element, certificates) in elements.iter().zip([1, 1, 2]) {
        assert_eq!(element.matches("BEGIN CERTIFICATE").count(), certificates);
        assert!(element.ends_with("-----END CERTIFICATE-----\n"));
    }
    assert_eq!(verify(&chain, NOW), Ok(()));
}

/// The class of CVE-2022-39388: a workload that asks for the name of another one.
#[test]
fn no_name_of_a_request_reaches_the_certificate() {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "admin");
    params.distinguished_name.push(DnType::OrganizationName, "masters");
    params.subject_alt_names = vec![
        SanType::URI("spiffe://cluster.local/ns/istio-system/sa/admin".try_into().unwrap()),
        SanType::DnsName("evil.example".try_into().unwrap()),
    ];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let greedy = request_of(&params, &KeyPair::generate().unwrap()).into_bytes();
    for csr in [greedy, fixture("requests/p384-with-names.pem")] {
        let chain = sign(&authority(), &csr, &reviews(), day(), NOW).unwrap();
        let leaf = der(&chain.leaf);
        assert_eq!(identity(&leaf), Ok(reviews()));
        for name in [b"admin".as_slice(), b"masters", b"evil"] {
            assert!(!leaf.windows(name.len()).any(|window| window == name));
        }
        assert_eq!(verify(&chain, NOW), Ok(()));
    }
}

#[test]
fn every_kind_of_key_gets_a_certificate() {
    for name in ["rsa-2048", "p384-with-names"] {
        let csr = fixture(&format!("requests/{name}.pem"));
        let chain = sign(&rsa_authority(), &csr, &reviews(), day(), NOW).unwrap();
        assert_eq!(verify(&chain, NOW), Ok(()), "{name}");
    }
}

/// Issue 59766 of Istio.
#[test]
fn a_leaf_never_outlives_its_signer() {
    let short = std::time::Duration::from_hours(1);
    let (authority, _) = crate::self_signed("cluster.local", short, NOW, &ring::rand::SystemRandom::new()).unwrap();
    let ninety_days = Lifetime::ask(90 * 24 * 3600, &Limits::default()).unwrap();
    let chain = sign(&authority, request().as_bytes(), &reviews(), ninety_days, NOW).unwrap();
    assert_eq!(chain.validity.not_after, NOW + time::Duration::hours(1));
    let after = NOW + time::Duration::hours(1);
    let refused = sign(&authority, request().as_bytes(), &reviews(), day(), after);
    assert_eq!(refused, Err(SignError::Expired));
}

#[test]
fn a_refused_request_is_not_signed() {
    let refused = sign(&authority(), b"", &reviews(), day(), NOW);
    assert_eq!(refused, Err(SignError::Csr(CsrError::NotPem)));
}

#[test]
fn certificates_that_differ_have_serial_numbers_that_differ() {
    let (authority, csr) = (authority(), request());
    let serial = |identity: &str, now| {
        let identity = Identity::new("td", "ns", identity).unwrap();
        let chain = sign(&authority, csr.as_bytes(), &identity, day(), now).unwrap();
        X509Certificate::from_der(&der(&chain.leaf)).unwrap().1.raw_serial().to_vec()
    };
    assert_eq!(serial("a", NOW), serial("a", NOW));
    assert_ne!(serial("a", NOW), serial("b", NOW));
    assert_ne!(serial("a", NOW), serial("a", NOW + time::Duration::seconds(1)));
}

/// The class of CVE-2026-47778 is among them: a name with a NUL, which ends a text early elsewhere.
#[test]
fn only_the_certificate_of_a_workload_has_an_identity() {
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let id = "spiffe://cluster.local/ns/shop/sa/reviews";
    let usage = vec![KeyUsagePurpose::DigitalSignature];
    let of = |names: Vec<SanType>, is_ca: IsCa, key_usages: Vec<KeyUsagePurpose>| {
        let mut params = CertificateParams::default();
        (params.subject_alt_names, params.is_ca, params.key_usages) = (names, is_ca, key_usages);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(CertificateParams::default(), KeyPair::generate().unwrap());
        identity(params.signed_by(&key, &issuer).unwrap().der())
    };
    let (leaf, any) = (IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(of(vec![uri(id)], leaf, usage.clone()), Ok(reviews()));
    assert_eq!(of(vec![], leaf, usage.clone()), Err(SvidError::NotOneUri));
    assert_eq!(of(vec![uri(id), uri(id)], leaf, usage.clone()), Err(SvidError::NotOneUri));
    assert_eq!(of(vec![SanType::DnsName("a.b".try_into().unwrap())], leaf, usage.clone()), Err(SvidError::NotOneUri));
    assert_eq!(of(vec![uri(id)], any, usage), Err(SvidError::Authority));
    assert_eq!(of(vec![uri(id)], leaf, vec![KeyUsagePurpose::KeyCertSign]), Err(SvidError::Authority));
    assert_eq!(of(vec![uri(id)], leaf, vec![KeyUsagePurpose::KeyEncipherment]), Err(SvidError::Usage));
    assert_eq!(of(vec![uri(id)], leaf, vec![]), Err(SvidError::Usage));
    let shape = Err(SvidError::Identity(IdentityError::Shape));
    assert_eq!(of(vec![uri("spiffe://cluster.local")], leaf, vec![KeyUsagePurpose::DigitalSignature]), shape);
    let account = Err(SvidError::Identity(IdentityError::ServiceAccount));
    let cut = uri("spiffe://cluster.local/ns/shop/sa/reviews\0-of-another");
    assert_eq!(of(vec![cut], leaf, vec![KeyUsagePurpose::DigitalSignature]), account);
    assert_eq!(Identity::new("cluster.local", "shop", "reviews\0"), Err(IdentityError::ServiceAccount));
    assert_eq!(identity(b"\x30\x00"), Err(SvidError::NotACertificate));
}
