//! The local issuer: tokens for workloads without Kubernetes.

use heddle_model::identity::Identity;
use heddle_model::token::{Claims, LOCAL_ISSUER};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

/// The longest token that is read, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// The allowed difference between the clocks of issuer and verifier, in seconds.
const LEEWAY: u64 = 10;

/// Verifies tokens that are signed with the key in the folder of the authority.
pub(crate) struct Issuer {
    key: DecodingKey,
    validation: Validation,
}

/// Why a key is not an issuer's key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    /// The key is not ECDSA P-256 in PKCS #8.
    #[error("the issuer's key is not an ECDSA P-256 key in PKCS #8: {0}")]
    Key(ring::error::KeyRejected),
    /// There is no randomness, or the signing library failed.
    #[error("the cryptographic library returned an error")]
    Crypto,
}

impl Issuer {
    /// Creates the issuer from the private key (DER of PKCS #8). A token must have one of `audiences`.
    ///
    /// # Errors
    /// When the key has another type.
    pub(crate) fn new(pkcs8: &[u8], audiences: &[String]) -> Result<Self, IssuerError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random);
        let pair = pair.map_err(IssuerError::Key)?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[LOCAL_ISSUER]);
        validation.set_audience(audiences);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        (validation.validate_nbf, validation.leeway) = (true, LEEWAY);
        Ok(Self { key: DecodingKey::from_ec_der(pair.public_key().as_ref()), validation })
    }

    /// Creates a new key, DER of PKCS #8.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn new_key() -> Result<Vec<u8>, IssuerError> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|document| document.as_ref().to_vec()).map_err(|_| IssuerError::Crypto)
    }

    /// The service account of a token, as an identity of this trust domain.
    pub(super) fn identity(&self, token: &str, trust_domain: &str) -> Result<Identity, String> {
        if token.len() > MAX_TOKEN {
            return Err("token: it is too long".into());
        }
        let token = decode::<Claims>(token, &self.key, &self.validation).map_err(|error| format!("token: {error}"))?;
        let (namespace, account) = token.claims.service_account().map_err(|error| format!("token: {error}"))?;
        Identity::new(trust_domain, namespace, account).map_err(|error| format!("token: {error}"))
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").finish_non_exhaustive()
    }
}
