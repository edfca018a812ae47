//! What callers send before they are trusted: signing requests, certificates, and Envoy's Node. A crash by such a
//! message is the class of CVE-2022-23635.

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use heddle_ca::{Authority, Bundle, Chain, Lifetime, Limits, identity, self_signed, sign};
use heddle_model::identity::Identity;
use heddle_model::node;
use heddle_xds_api::envoy::config::core::v3::Node;
use prost::Message;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use time::OffsetDateTime;
use time::macros::datetime;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::der;

/// The time of every run.
const NOW: OffsetDateTime = datetime!(2027-06-01 12:00:00 UTC);
/// What a request may not say, for its names are no business of the certificate's.
const FOREIGN: &[u8] = b"spiffe://evil.example/ns/kube-system/sa/root";

static AUTHORITY: LazyLock<Option<Authority>> = LazyLock::new(|| {
    let made = self_signed("cluster.local", Duration::from_hours(24 * 365 * 10), NOW, &SystemRandom::new());
    made.ok().map(|(authority, _)| authority)
});

/// A workload's key, with which requests of any content are signed as they must be.
static KEY: LazyLock<Option<EcdsaKeyPair>> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).ok()?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).ok()
});

/// What the certificate for that key says, whatever the request does.
static SAID: OnceLock<Vec<u8>> = OnceLock::new();

/// The first byte says what the rest is.
pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    match mode % 6 {
        0 => drop(signed(rest)),
        1 => drop(signed(der::pem("CERTIFICATE REQUEST", rest).as_bytes())),
        2 => request_of(rest),
        3 => certificate_of(rest),
        4 => json_node(rest),
        _ => proto_node(rest),
    }
}

/// Asks for a certificate. One that is given carries the caller's proven name and no other.
fn signed(csr: &[u8]) -> Option<Chain> {
    let authority = AUTHORITY.as_ref()?;
    let caller = Identity::new("cluster.local", "shop", "web").ok()?;
    let lifetime = Lifetime::ask(3600, &Limits::default()).ok()?;
    let chain = sign(authority, csr, &caller, lifetime, NOW).ok()?;
    let der = der::body(&chain.leaf);
    let leaf = X509Certificate::from_der(&der).map(|(_, leaf)| leaf);
    assert!(leaf.is_ok(), "the leaf does not parse");
    let leaf = leaf.ok()?;
    assert_eq!(leaf.subject().iter().count(), 0, "the leaf has a subject");
    let names = leaf.subject_alternative_name().ok().flatten();
    assert!(names.as_ref().is_some_and(|names| names.critical), "the names are not critical");
    let names: Vec<GeneralName<'_>> = names.map(|names| names.value.general_names.clone()).unwrap_or_default();
    assert_eq!(names, [GeneralName::URI(&caller.to_string())], "another name than the caller's");
    assert!(!leaf.is_ca(), "the leaf may sign");
    Some(chain)
}

/// A request that is signed as it must be, and whose subject and attributes are the input's.
fn request_of(rest: &[u8]) {
    let Some(key) = KEY.as_ref() else { return };
    let (subject, attributes) = rest.split_at(rest.len().min(usize::from(rest.first().copied().unwrap_or(0))));
    let key_info = der::p256(key.public_key().as_ref());
    let name = [der::organization(FOREIGN), subject.get(1..).unwrap_or_default().to_vec()].concat();
    let asked = der::alternative_name(FOREIGN);
    let info = [
        der::tagged(2, &[0]),
        der::tagged(0x30, &name),
        key_info.clone(),
        der::tagged(0xa0, &[asked, attributes.to_vec()].concat()),
    ];
    let info = der::tagged(0x30, &info.concat());
    let Ok(signature) = key.sign(&SystemRandom::new(), &info) else { return };
    let request = der::tagged(0x30, &[info, der::ecdsa_sha256(), der::bits(signature.as_ref())].concat());
    let Some(chain) = signed(der::pem("CERTIFICATE REQUEST", &request).as_bytes()) else { return };
    let said = contents(&chain);
    assert!(said.windows(key_info.len()).any(|part| part == key_info), "the leaf has another key");
    // The serial number is a digest of the rest, so what the request says besides its key would show here.
    assert_eq!(said, *SAID.get_or_init(|| said.clone()), "a request's words change the certificate");
}

/// What is signed in a leaf.
fn contents(chain: &Chain) -> Vec<u8> {
    let der = der::body(&chain.leaf);
    X509Certificate::from_der(&der).map(|(_, leaf)| leaf.tbs_certificate.as_ref().to_vec()).unwrap_or_default()
}

/// Certificates of callers, and files of roots.
fn certificate_of(rest: &[u8]) {
    let _ = identity(rest);
    let _ = identity(&der::body(&String::from_utf8_lossy(rest)));
    let _ = Bundle::parse(rest);
    let _ = Bundle::parse(der::pem("CERTIFICATE", rest).as_bytes());
}

fn json_node(rest: &[u8]) {
    let Ok(value) = serde_json::from_slice(rest) else { return };
    let proxy = node::proxy(&value);
    assert_eq!(proxy, node::proxy(&value), "read twice");
    if let Ok(proxy) = proxy {
        assert!(!proxy.verified, "a node says of itself that it is verified");
        assert!(!proxy.addresses.is_empty(), "a proxy without an address");
    }
}

fn proto_node(rest: &[u8]) {
    let Ok(message) = Node::decode(rest) else { return };
    if let Ok(proxy) = heddle_serve::node::proxy(&message) {
        assert!(!proxy.verified && !proxy.addresses.is_empty(), "{proxy:?}");
    }
}
