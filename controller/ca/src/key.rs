//! Private keys: the authority's own, and those of the certificates that the controller gives itself.

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::csr::public_key;
use crate::error::KeyError;
use crate::{der, oid};

/// A key that signs certificates. istiod's own keys are RSA, ours are ECDSA P-256.
pub(crate) enum SigningKey {
    /// Signs with SHA-256.
    P256(EcdsaKeyPair),
    /// Signs with SHA-384.
    P384(EcdsaKeyPair),
    /// Signs with PKCS #1 v1.5 and SHA-256.
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// Reads PKCS #8, PKCS #1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`): istiod and openssl write all three.
    pub(crate) fn parse(pem: &[u8]) -> Result<Self, KeyError> {
        match PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPem)? {
            PrivateKeyDer::Pkcs8(key) => Self::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => {
                RsaKeyPair::from_der(key.secret_pkcs1_der()).map(Self::Rsa).map_err(|_| KeyError::Unsupported)
            }
            PrivateKeyDer::Sec1(key) => [oid::CURVE_P256, oid::CURVE_P384]
                .into_iter()
                .find_map(|curve| Self::from_pkcs8(&sec1_in_pkcs8(key.secret_sec1_der(), curve)).ok())
                .ok_or(KeyError::Unsupported),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// A new ECDSA P-256 key and its PKCS #8 DER, or nothing when the system has no randomness to give.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Option<(Self, Vec<u8>)> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, random).ok()?;
        Some((Self::from_pkcs8(pkcs8.as_ref()).ok()?, pkcs8.as_ref().to_vec()))
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        // The generator only blinds the check of the key; it has no influence on any output.
        let random = SystemRandom::new();
        let ecdsa = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &random);
        if let Ok(key) = ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING) {
            return Ok(Self::P256(key));
        }
        if let Ok(key) = ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING) {
            return Ok(Self::P384(key));
        }
        RsaKeyPair::from_pkcs8(pkcs8).map(Self::Rsa).map_err(|_| KeyError::Unsupported)
    }

    /// SubjectPublicKeyInfo.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        let ecdsa = |curve, key: &EcdsaKeyPair| {
            public_key(&[der::oid(oid::EC_PUBLIC_KEY), der::oid(curve)], key.public_key().as_ref())
        };
        match self {
            Self::P256(key) => ecdsa(oid::CURVE_P256, key),
            Self::P384(key) => ecdsa(oid::CURVE_P384, key),
            Self::Rsa(key) => public_key(&[der::oid(oid::RSA_ENCRYPTION), der::null()], key.public_key().as_ref()),
        }
    }

    /// The AlgorithmIdentifier of the signatures that this key makes.
    pub(crate) fn algorithm(&self) -> Vec<u8> {
        match self {
            Self::P256(_) => der::sequence(&[der::oid(oid::ECDSA_WITH_SHA256)]),
            Self::P384(_) => der::sequence(&[der::oid(oid::ECDSA_WITH_SHA384)]),
            Self::Rsa(_) => der::sequence(&[der::oid(oid::SHA256_WITH_RSA), der::null()]),
        }
    }

    /// A signature over the message, or nothing when the system has no randomness to give.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::P256(key) | Self::P384(key) => {
                key.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec())
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok().map(|()| signature)
            }
        }
    }
}

impl std::fmt::Debug for SigningKey {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::P256(_) => "SigningKey(P-256)",
            Self::P384(_) => "SigningKey(P-384)",
            Self::Rsa(_) => "SigningKey(RSA)",
        })
    }
}

fn sec1_in_pkcs8(sec1: &[u8], curve: &[u8]) -> Vec<u8> {
    let algorithm = der::sequence(&[der::oid(oid::EC_PUBLIC_KEY), der::oid(curve)]);
    der::sequence(&[der::unsigned(&[0]), algorithm, der::octets(sec1)])
}
