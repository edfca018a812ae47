//! A token says who it is for, is signed by the key in the folder, and the key is made once.

use std::os::unix::fs::PermissionsExt;

use heddle_model::token::{AUDIENCE, ISSUER_KEY_FILE, LOCAL_ISSUER};
use jsonwebtoken::{DecodingKey, Validation, decode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use super::*;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn verified(folder: &Path, token: &str) -> Claims {
    let key = issuer::key(folder).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &SystemRandom::new()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[LOCAL_ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    decode(token, &DecodingKey::from_ec_der(pair.public_key().as_ref()), &validation).unwrap().claims
}

#[test]
fn a_token_is_signed_by_the_key_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca");
    let token = create(&ca, "shop", "reviews", now(), 60).unwrap();
    assert_eq!(verified(&ca, &token).service_account(), Ok(("shop", "reviews")));
    let path = ca.join(ISSUER_KEY_FILE);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&ca).unwrap().permissions().mode() & 0o777, 0o700);
    let key = std::fs::read(&path).unwrap();
    create(&ca, "shop", "ratings", now(), 60).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), key);
    assert_eq!(std::fs::read_dir(&ca).unwrap().count(), 1);
}

#[test]
fn makers_at_the_same_time_get_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let keys = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..2).map(|_| scope.spawn(|| create(folder.path(), "a", "b", now(), 60))).collect();
        makers.into_iter().filter_map(|maker| maker.join().unwrap().ok()).collect::<Vec<_>>()
    });
    // Both may use the same name for their fresh file here, as two processes would not; then one of them fails.
    assert!(!keys.is_empty());
    for token in keys {
        assert_eq!(verified(folder.path(), &token).service_account(), Ok(("a", "b")));
    }
}

#[test]
fn names_and_keys_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(create(folder.path(), "a:b", "c", now(), 60).is_err());
    assert!(create(folder.path(), "a", "", now(), 60).is_err());
    std::fs::write(folder.path().join(ISSUER_KEY_FILE), "not a key").unwrap();
    let error = format!("{:#}", create(folder.path(), "a", "b", now(), 60).unwrap_err());
    assert!(error.contains("is not a private key in PEM"), "{error}");
}
