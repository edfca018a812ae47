//! Verifies tokens of Kubernetes with the published keys of the API server. So a thousand workloads that reconnect at
//! once cost the API server nothing.

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::Error;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

/// The allowed difference between the clocks, in seconds.
const LEEWAY: u64 = 10;
/// The signature algorithms of the API server.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384];

/// The keys of the API server, and its issuer name in tokens.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The issuer of new tokens.
    pub issuer: String,
    /// The keys of all tokens that the API server accepts.
    pub keys: JwkSet,
}

/// The claims of a Kubernetes token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Claims {
    /// Its expiry, in seconds since 1970.
    pub exp: i64,
    /// Its issuer.
    pub iss: String,
    /// `system:serviceaccount:<namespace>:<name>`.
    pub sub: String,
    /// The object that it is bound to.
    #[serde(rename = "kubernetes.io", default)]
    pub bound: Bound,
}

/// The objects that a token is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Bound {
    /// Namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: Option<Named>,
    /// The service account.
    #[serde(rename = "serviceaccount")]
    pub service_account: Option<Named>,
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
    /// One of the keys signed it, but in the name of another issuer: the API server may have been given a new name.
    OtherIssuer,
    /// It says that it is the API server's, but its key is unknown. There may be a new key.
    UnknownKey,
    /// It is of another issuer, and its key is unknown.
    Stranger,
    /// It cannot be verified here: no keys were read, or the key is of a kind that is not supported.
    Unverifiable,
}

/// What a token says before it is verified.
#[derive(Deserialize)]
struct Unproven {
    #[serde(default)]
    iss: String,
}

impl Keys {
    /// Verifies a token.
    pub(super) fn verify(&self, token: &str, audiences: &[String]) -> Verdict {
        let header = match decode_header(token) {
            Ok(header) => header,
            Err(error) => return refused(&error),
        };
        let Some(key) = header.kid.as_deref().and_then(|id| self.keys.find(id)) else {
            return match insecure_decode_claims::<Unproven>(token) {
                Ok(claims) if claims.iss == self.issuer => Verdict::UnknownKey,
                Ok(_) => Verdict::Stranger,
                Err(error) => refused(&error),
            };
        };
        let Ok(key) = DecodingKey::from_jwk(key) else { return Verdict::Unverifiable };
        if !ALGORITHMS.contains(&header.alg) {
            return Verdict::Refused(format!("token: {:?} is not a signature algorithm of the API server", header.alg));
        }
        let mut validation = Validation::new(header.alg);
        validation.set_audience(audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        (validation.validate_nbf, validation.leeway) = (true, LEEWAY);
        match decode::<Claims>(token, &key, &validation) {
            Ok(token) if token.claims.iss == self.issuer => Verdict::Valid(token.claims),
            Ok(_) => Verdict::OtherIssuer,
            Err(error) => refused(&error),
        }
    }
}

fn refused(error: &Error) -> Verdict {
    Verdict::Refused(format!("token: {error}"))
}

#[cfg(test)]
mod tests;
