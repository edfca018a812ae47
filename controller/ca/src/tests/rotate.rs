//! Renewals are spread, and no workload loses trust when an authority changes.

use heddle_model::identity::Identity;
use ring::rand::SystemRandom;
use time::Duration;

use super::{NOW, TEN_YEARS, authority, cacerts, day, request, rsa_authority};
use crate::{RotateError, Validity, load, renewal, renewed_root, replacement, self_signed, sign};

#[test]
fn half_of_the_time_give_or_take() {
    let validity = Validity { not_before: NOW, not_after: NOW + Duration::hours(100) };
    assert_eq!(renewal(&validity, 0.5, 0.0, 0.7), NOW + Duration::hours(50));
    assert_eq!(renewal(&validity, 0.5, 0.01, 0.0), NOW + Duration::hours(49));
    assert_eq!(renewal(&validity, 0.5, 0.01, 1.0), NOW + Duration::hours(51));
    assert_eq!(renewal(&validity, 0.5, 9.0, 1.0), NOW + Duration::hours(100));
    let backwards = Validity { not_before: NOW, not_after: NOW - Duration::hours(1) };
    assert_eq!(renewal(&backwards, 0.5, 0.0, 0.5), NOW);
}

#[test]
fn a_renewed_root_and_the_old_one_trust_the_same_workloads() {
    let (old, files) = self_signed("cluster.local", TEN_YEARS, NOW, &SystemRandom::new()).unwrap();
    let later = NOW + Duration::days(3000);
    let (new, renewed) = renewed_root(&old, &files["ca-key.pem"], TEN_YEARS, later).unwrap();
    assert!(new.validity().not_after > old.validity().not_after);
    assert_eq!(renewed["ca-key.pem"], files["ca-key.pem"]);
    let identity = Identity::new("cluster.local", "a", "b").unwrap();
    for (signer, other) in [(&old, &new), (&new, &old)] {
        let chain = sign(signer, request().as_bytes(), &identity, day(), later).unwrap();
        let leaf = super::der(&chain.leaf);
        let root = other.roots().roots().next().unwrap().to_vec();
        let (leaf, root) = (crate::bundle::decode(&leaf).unwrap(), crate::bundle::decode(&root).unwrap());
        assert!(leaf.verify_signature(Some(root.public_key())).is_ok());
        assert_eq!(leaf.issuer().as_raw(), root.subject().as_raw());
    }
    assert!(replacement(&old, new).is_ok());
    assert_eq!(renewed_root(&rsa_authority(), b"", TEN_YEARS, NOW).err(), Some(RotateError::NotARoot));
}

#[test]
fn a_root_in_use_may_not_be_dropped() {
    let old = authority();
    assert_eq!(replacement(&old, rsa_authority()).err(), Some(RotateError::RootDropped));
    let mut files = cacerts("rsa");
    let roots = old.roots().join(rsa_authority().roots()).unwrap();
    assert_eq!(roots.roots().count(), 2);
    files.insert("root-cert.pem".into(), roots.pem().as_bytes().to_vec());
    assert!(replacement(&old, load(&files, NOW).unwrap()).is_ok());
}
