//! Verifies tokens of Kubernetes with the published keys of the API server. So a thousand workloads that reconnect at
//! once cost the API server nothing.

use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use kube::Client;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The interval for reading the keys. A token with an unknown key needs a TokenReview in the meantime.
const INTERVAL: Duration = Duration::from_mins(5);
/// The delay before the first read is retried.
const PATIENCE: Duration = Duration::from_secs(5);
/// The allowed difference between the clocks, in seconds.
const LEEWAY: u64 = 10;
/// The signature algorithms of the API server.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384];

/// The keys of the API server, and its issuer name in tokens.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    issuer: String,
    keys: JwkSet,
}

/// The claims of a Kubernetes token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Claims {
    /// Its expiry, in seconds since 1970.
    pub exp: i64,
    /// `system:serviceaccount:<namespace>:<name>`.
    pub sub: String,
    /// The object that it is bound to.
    #[serde(rename = "kubernetes.io", default)]
    pub bound: Bound,
}

/// The object that a token is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Bound {
    /// Namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: Option<Named>,
}

/// An object by name and UID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
}

/// The result of the verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The API server signed it for our audience, and it is valid now.
    Valid(Claims),
    /// It is invalid.
    Refused(String),
    /// Its key is unknown.
    Unknown,
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
}

impl Keys {
    /// Verifies a token.
    pub(super) fn verify(&self, token: &str, audiences: &[String]) -> Verdict {
        let refused = |error: jsonwebtoken::errors::Error| Verdict::Refused(format!("token: {error}"));
        let header = match decode_header(token) {
            Ok(header) => header,
            Err(error) => return refused(error),
        };
        let Some(key) = header.kid.as_deref().and_then(|id| self.keys.find(id)) else { return Verdict::Unknown };
        let Some(key) = decoding(key).filter(|_| ALGORITHMS.contains(&header.alg)) else { return Verdict::Unknown };
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        (validation.validate_nbf, validation.leeway) = (true, LEEWAY);
        match decode::<Claims>(token, &key, &validation) {
            Ok(token) => Verdict::Valid(token.claims),
            Err(error) => refused(error),
        }
    }
}

/// Reads the keys again and again until `end`.
pub(crate) async fn watch_keys(client: Client, found: watch::Sender<Option<Keys>>, end: CancellationToken) {
    loop {
        let wait = match read(&client).await {
            Ok(keys) => {
                found.send_replace(Some(keys));
                INTERVAL
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read the keys of the API server; each token needs a TokenReview");
                if found.borrow().is_some() { INTERVAL } else { PATIENCE }
            }
        };
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn read(client: &Client) -> Result<Keys, kube::Error> {
    let get = |path: &'static str| http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError);
    let Configuration { issuer } = client.request(get("/.well-known/openid-configuration")?).await?;
    Ok(Keys { issuer, keys: client.request(get("/openid/v1/jwks")?).await? })
}

fn decoding(key: &Jwk) -> Option<DecodingKey> {
    DecodingKey::from_jwk(key).ok()
}
