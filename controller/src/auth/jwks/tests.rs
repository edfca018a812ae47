//! What the keys say of tokens: each way to be none of the API server's costs no question.

use serde_json::{Value, json};

use super::*;
use crate::auth::testing::{ISSUER, Key, claims};

fn keys(of: &[&Key]) -> Keys {
    let keys: Vec<Value> = of.iter().map(|key| key.public()).collect();
    Keys { issuer: ISSUER.into(), keys: serde_json::from_value(json!({ "keys": keys })).unwrap() }
}

fn verify(keys: &Keys, token: &str) -> Verdict {
    keys.verify(token, &["istio-ca".into()])
}

#[test]
fn the_key_and_the_issuer_decide() {
    let (known, other) = (Key::new("one"), Key::new("two"));
    let keys = keys(&[&known]);
    assert!(matches!(verify(&keys, &known.sign(&claims())), Verdict::Valid(_)));
    assert_eq!(verify(&keys, &other.sign(&claims())), Verdict::UnknownKey);
    let foreign = json!({"iss": "https://elsewhere"});
    assert_eq!(verify(&keys, &other.sign(&foreign)), Verdict::Stranger);
    let mut before = claims();
    before["iss"] = "https://the-name-before".into();
    assert_eq!(verify(&keys, &known.sign(&before)), Verdict::OtherIssuer);
}

#[test]
fn what_cannot_be_a_token_of_the_api_server_is_refused() {
    let (known, other) = (Key::new("one"), Key::new("one"));
    let keys = keys(&[&known]);
    let (text, mut expired, mut audience) = (known.sign(&claims()), claims(), claims());
    (expired["exp"], audience["aud"]) = (1.into(), json!(["vault"]));
    let (signed, _) = text.rsplit_once('.').unwrap();
    // The header {"alg":"HS256","kid":"one"}.
    let symmetric = format!("eyJhbGciOiJIUzI1NiIsImtpZCI6Im9uZSJ9.{}", text.split_once('.').unwrap().1);
    let cases = [
        other.sign(&claims()),
        known.sign(&expired),
        known.sign(&audience),
        format!("{signed}."),
        symmetric,
        "eyJhbGciOiJub25lIn0.e30.".into(),
        "a.b.c".into(),
        String::new(),
    ];
    for token in cases {
        assert!(matches!(verify(&keys, &token), Verdict::Refused(_)), "{token}");
    }
}
