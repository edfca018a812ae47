//! Secrets as Envoy's messages: the two of the workload, and those in files.

use heddle_xds_api::envoy::config::core::v3::DataSource;
use heddle_xds_api::envoy::config::core::v3::data_source::Specifier;
use heddle_xds_api::envoy::extensions::transport_sockets::tls::v3::secret::Type;
use heddle_xds_api::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate,
};
use heddle_xds_api::google::protobuf::Any;
use prost::Message;
use ring::digest::{SHA256, digest};

use super::{
    SECRET,
    files::{self, Content},
};
use crate::svid::Svid;

/// The names that compiled listeners and clusters use.
const CERTIFICATE: &str = "default";
const ROOTS: &str = "ROOTCA";

/// A secret. Its version differs if and only if its content differs.
pub(super) struct Versioned {
    pub(super) version: String,
    pub(super) body: Any,
}

/// Whether a stream may subscribe to a name.
pub(super) fn is_known(name: &str) -> bool {
    matches!(name, CERTIFICATE | ROOTS) || files::is_file(name)
}

/// The secret of a name. `None` for an unknown name, and for the workload's own secret as long as there is none.
pub(super) fn secret(name: &str, current: Option<&Svid>) -> Option<Versioned> {
    let content = match name {
        CERTIFICATE => current.map(|svid| pair(svid.chain_pem.as_bytes(), svid.key_pem.as_bytes()))?,
        ROOTS => current.map(|svid| roots(svid.roots_pem.as_bytes()))?,
        name => match files::content(name)? {
            Content::Roots(pem) => roots(&pem),
            Content::Pair(chain, key) => pair(&chain, &key),
        },
    };
    let value = Secret { name: name.to_owned(), r#type: Some(content) }.encode_to_vec();
    let digest = digest(&SHA256, &value);
    let version = digest.as_ref().iter().take(8).fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
    Some(Versioned { version: format!("{version:016x}"), body: Any { type_url: SECRET.to_owned(), value } })
}

fn pair(chain: &[u8], key: &[u8]) -> Type {
    Type::TlsCertificate(TlsCertificate {
        certificate_chain: Some(inline(chain)),
        private_key: Some(inline(key)),
        ..TlsCertificate::default()
    })
}

fn roots(pem: &[u8]) -> Type {
    let trusted_ca = Some(inline(pem));
    Type::ValidationContext(CertificateValidationContext { trusted_ca, ..CertificateValidationContext::default() })
}

fn inline(pem: &[u8]) -> DataSource {
    let specifier = Some(Specifier::InlineBytes(pem.to_vec()));
    DataSource { specifier, ..DataSource::default() }
}
