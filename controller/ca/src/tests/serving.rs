//! The controller's own certificates are those of a server, for exactly the names given.

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::ServerName;
use std::sync::Arc;

use super::{NOW, authority, day, der, rsa_authority, unix};
use crate::{Authority, Serving, ServingNames, SignError, identity, serving};

fn names() -> ServingNames {
    ServingNames {
        dns: vec!["istiod.istio-system.svc".into(), "localhost".into()],
        ips: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
    }
}

fn made(authority: &Authority, names: &ServingNames) -> Result<Serving, SignError> {
    serving(authority, names, day(), NOW, &ring::rand::SystemRandom::new())
}

#[test]
fn clients_verify_each_name_and_no_other() {
    for authority in [authority(), rsa_authority()] {
        let made = made(&authority, &names()).unwrap();
        let mut roots = RootCertStore::empty();
        for root in authority.roots().roots() {
            roots.add(root.to_vec().into()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let path = made.chain.intermediates.iter().map(|pem| der(pem)).collect::<Vec<_>>();
        let verify = |name: &'static str| {
            let name = ServerName::try_from(name).unwrap();
            verifier.verify_server_cert(&der(&made.chain.leaf), &path, &name, &[], unix(NOW)).is_ok()
        };
        assert!(["istiod.istio-system.svc", "localhost", "127.0.0.1", "::1"].map(verify).iter().all(|ok| *ok));
        assert!(["istiod.other.svc", "127.0.0.2"].map(verify).iter().all(|ok| !*ok));
        // It is no workload's.
        assert!(identity(&der(&made.chain.leaf)).is_err());
        let key = rcgen::KeyPair::try_from(made.key.as_slice()).unwrap();
        let leaf = der(&made.chain.leaf);
        assert_eq!(
            crate::bundle::decode(&leaf).unwrap().public_key().raw,
            rcgen::PublicKeyData::subject_public_key_info(&key)
        );
        assert!(!format!("{made:?}").contains("key:"));
    }
}

#[test]
fn names_that_are_no_hosts_are_refused() {
    let long = "a".repeat(64);
    for bad in ["", "a b", "a..b", "a\0b", "*.svc", "bücher", long.as_str()] {
        let names = ServingNames { dns: vec![bad.into()], ips: vec![] };
        assert_eq!(made(&authority(), &names).err(), Some(SignError::Name), "{bad:?}");
    }
    assert_eq!(made(&authority(), &ServingNames::default()).err(), Some(SignError::Name));
}
