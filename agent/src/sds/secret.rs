//! The two secrets as Envoy's messages.

use heddle_xds_api::envoy::config::core::v3::DataSource;
use heddle_xds_api::envoy::config::core::v3::data_source::Specifier;
use heddle_xds_api::envoy::extensions::transport_sockets::tls::v3::secret::Type;
use heddle_xds_api::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate,
};
use heddle_xds_api::google::protobuf::Any;
use prost::Message;
use ring::digest::{SHA256, digest};

use super::SECRET;
use crate::svid::Svid;

/// The names under which compiled listeners and clusters ask.
const CERTIFICATE: &str = "default";
const ROOTS: &str = "ROOTCA";

/// A secret, with a version that differs if and only if its content does.
pub(super) struct Versioned {
    pub(super) version: String,
    pub(super) body: Any,
}

/// Only these names are remembered for a stream: what it remembers has a bound.
pub(super) fn is_known(name: &str) -> bool {
    matches!(name, CERTIFICATE | ROOTS)
}

/// The secret of a name; nothing for a name that is not ours.
pub(super) fn secret(name: &str, svid: &Svid) -> Option<Versioned> {
    let content = match name {
        CERTIFICATE => Type::TlsCertificate(TlsCertificate {
            certificate_chain: Some(inline(&svid.chain_pem)),
            private_key: Some(inline(&svid.key_pem)),
            ..TlsCertificate::default()
        }),
        ROOTS => Type::ValidationContext(CertificateValidationContext {
            trusted_ca: Some(inline(&svid.roots_pem)),
            ..CertificateValidationContext::default()
        }),
        _ => return None,
    };
    let value = Secret { name: name.to_owned(), r#type: Some(content) }.encode_to_vec();
    let digest = digest(&SHA256, &value);
    let version = digest.as_ref().iter().take(8).fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
    Some(Versioned { version: format!("{version:016x}"), body: Any { type_url: SECRET.to_owned(), value } })
}

fn inline(pem: &str) -> DataSource {
    let specifier = Some(Specifier::InlineBytes(pem.as_bytes().to_vec()));
    DataSource { specifier, ..DataSource::default() }
}
