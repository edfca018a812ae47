//! Keys and tokens of an API server, for tests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use super::Issuer;

pub(super) const ISSUER: &str = "https://kubernetes.default.svc";

/// A key that signs tokens.
pub(super) struct Key {
    id: &'static str,
    pkcs8: Vec<u8>,
}

impl Key {
    pub(super) fn new(id: &'static str) -> Self {
        Self { id, pkcs8: Issuer::new_key().unwrap() }
    }

    /// As the API server publishes it.
    pub(super) fn public(&self) -> Value {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8, &SystemRandom::new());
        let pair = pair.unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let text = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id, "x": text(x), "y": text(y)})
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.into()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &EncodingKey::from_ec_der(&self.pkcs8)).unwrap()
    }
}

/// A token that nobody signed.
pub(super) fn invented(claims: &Value) -> String {
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.AAAA", text(&json!({"alg": "ES256", "kid": "invented"})), text(claims))
}

/// The claims of a token of account `web` (UID `account`) that is bound to the pod `web-1` (UID `pod`).
pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": ["istio-ca"], "exp": 4_000_000_000_u32, "sub": "system:serviceaccount:shop:web",
        "kubernetes.io": {
            "namespace": "shop", "pod": {"name": "web-1", "uid": "pod"},
            "serviceaccount": {"name": "web", "uid": "account"},
        },
    })
}
