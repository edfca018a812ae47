//! Who is let in, and who is not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heddle_ca::{Authority, Lifetime, ServingNames};
use heddle_model::token::Claims;
use heddle_serve::auth::Connection;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use time::OffsetDateTime;

use super::*;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn authenticator(key: &[u8]) -> Authenticator {
    let mesh = Arc::new(Mesh { trust_domain: "td".into(), ..Mesh::default() });
    let issuer = Issuer::new(key, &["istio-ca".into()]).unwrap();
    Authenticator::new(Issuers::Local(Box::new(issuer)), None, move || mesh.clone())
}

fn token(key: &[u8], change: impl Fn(&mut Claims)) -> String {
    let mut claims = Claims::new("shop", "web", now(), 60);
    change(&mut claims);
    encode(&Header::new(Algorithm::ES256), &claims, &EncodingKey::from_ec_der(key)).unwrap()
}

fn call(bearer: Option<String>, chain: Vec<Vec<u8>>) -> Credentials {
    let connection = Connection { peer: "10.0.0.1:1".parse().unwrap(), secure: true, chain };
    Credentials { connection: Some(Arc::new(connection)), bearer }
}

#[tokio::test]
async fn a_token_of_the_local_issuer_names_its_service_account() {
    let key = Issuer::new_key().unwrap();
    let identity = authenticator(&key).authenticate(&call(Some(token(&key, |_| {})), Vec::new())).await;
    assert_eq!(identity.unwrap().to_string(), "spiffe://td/ns/shop/sa/web");
}

#[tokio::test]
async fn every_other_token_is_refused() {
    let (key, other) = (Issuer::new_key().unwrap(), Issuer::new_key().unwrap());
    let changed = |change: fn(&mut Claims)| token(&key, change);
    let whole = token(&key, |_| {});
    let (payload, signature) = whole.rsplit_once('.').unwrap();
    let cases = [
        ("expired", changed(|claims| claims.exp = now() - 60)),
        ("not yet valid", changed(|claims| claims.nbf = now() + 60)),
        ("another audience", changed(|claims| claims.aud = vec!["vault".into()])),
        ("another issuer", changed(|claims| claims.iss = "https://k8s".into())),
        ("names differ", changed(|claims| claims.kubernetes.namespace = "bank".into())),
        ("no service account", changed(|claims| claims.sub = "system:node:n1".into())),
        ("another key", token(&other, |_| {})),
        ("no signature", format!("{payload}.")),
        ("a changed signature", format!("{payload}.{}", signature.chars().rev().collect::<String>())),
        ("alg none", "eyJhbGciOiJub25lIn0.e30.".into()),
        ("huge", "a".repeat(1 << 20)),
        ("empty", String::new()),
    ];
    for (name, token) in cases {
        let refused = authenticator(&key).authenticate(&call(Some(token), Vec::new())).await;
        assert!(matches!(refused, Err(AuthError::Refused(_))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn nothing_brought_is_nobody() {
    let key = Issuer::new_key().unwrap();
    assert_eq!(authenticator(&key).authenticate(&call(None, Vec::new())).await, Err(AuthError::Missing));
}

#[tokio::test]
async fn a_certificate_that_is_no_workloads_falls_back_to_the_token() {
    let key = Issuer::new_key().unwrap();
    let server = server_certificate();
    let refused = authenticator(&key).authenticate(&call(None, vec![server.clone()])).await;
    assert!(matches!(refused, Err(AuthError::Refused(_))), "{refused:?}");
    assert!(authenticator(&key).authenticate(&call(Some(token(&key, |_| {})), vec![server])).await.is_ok());
}

/// A certificate of our authority that names a host and no workload.
fn server_certificate() -> Vec<u8> {
    let (random, time) = (SystemRandom::new(), OffsetDateTime::now_utc());
    let day = Duration::from_hours(24);
    let (authority, _): (Authority, _) = heddle_ca::self_signed("td", day * 10, time, &random).unwrap();
    let names = ServingNames { dns: vec!["a.b".into()], ips: Vec::new() };
    let serving = heddle_ca::serving(&authority, &names, Lifetime::of(day), time, &random).unwrap();
    crate::pem::decode(&serving.chain.leaf, "CERTIFICATE").unwrap()
}
