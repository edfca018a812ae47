//! The tests of the whole crate, by subject, and what they share: a fixed clock, authorities, requests.

mod csr;
mod istiod;
mod plugged_in;
mod rotate;
mod serving;
mod svid;

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use ring::rand::SystemRandom;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::{Authority, Files, Lifetime, Limits, load, self_signed};

/// The time of every test. The fixtures are valid then.
const NOW: OffsetDateTime = datetime!(2027-06-01 12:00:00 UTC);
const TEN_YEARS: Duration = Duration::from_hours(10 * 365 * 24);

fn authority() -> Authority {
    self_signed("cluster.local", TEN_YEARS, NOW, &SystemRandom::new()).unwrap().0
}

/// A fixture's file.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/src/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The four files of a fixture's folder.
fn cacerts(folder: &str) -> Files {
    ["ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem"]
        .map(|name| (name.to_owned(), fixture(&format!("{folder}/{name}"))))
        .into()
}

fn rsa_authority() -> Authority {
    load(&cacerts("rsa"), NOW).unwrap()
}

/// A request as the agent makes it, in PEM.
fn request() -> String {
    request_of(&CertificateParams::default(), &KeyPair::generate().unwrap())
}

fn request_of(params: &CertificateParams, key: &KeyPair) -> String {
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn day() -> Lifetime {
    Lifetime::ask(0, &Limits::default()).unwrap()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn unix(moment: OffsetDateTime) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(moment.unix_timestamp().try_into().unwrap()))
}
