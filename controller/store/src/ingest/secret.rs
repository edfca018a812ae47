//! Secrets and ConfigMaps with certificates.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use heddle_model::{object::Origin, secret::Secret};

use super::Report;
use crate::kube;

/// Ingests a Secret; nothing when it has neither a certificate nor roots.
#[must_use]
pub fn ingest(secret: &kube::Secret, origin: &Origin, report: &mut Report) -> Option<Secret> {
    let mut value = |names: [&str; 2]| -> Arc<[u8]> {
        names.iter().find_map(|name| bytes(secret, name, report)).unwrap_or_default().into()
    };
    let found = Secret {
        origin: origin.clone(),
        certificate: value(["cert", "tls.crt"]),
        key: value(["key", "tls.key"]),
        roots: value(["cacert", "ca.crt"]),
        revocations: value(["crl", "ca.crl"]),
        staple: value(["tls.ocsp-staple", "tls.ocsp-staple"]),
    };
    (!found.certificate.is_empty() || !found.roots.is_empty()).then_some(found)
}

/// Ingests the roots in a ConfigMap.
#[must_use]
pub fn ingest_map(map: &kube::ConfigMap, origin: &Origin) -> Option<Secret> {
    let roots = map.data.get("ca.crt").or_else(|| map.data.get("cacert")).filter(|r| !r.is_empty())?;
    let none = || Arc::from([].as_slice());
    Some(Secret {
        origin: origin.clone(),
        certificate: none(),
        key: none(),
        roots: roots.as_bytes().into(),
        revocations: none(),
        staple: none(),
    })
}

fn bytes(secret: &kube::Secret, name: &str, report: &mut Report) -> Option<Vec<u8>> {
    if let Some(text) = secret.string_data.get(name) {
        return Some(text.as_bytes().to_vec());
    }
    let text: String = secret.data.get(name)?.split_whitespace().collect();
    let decoded = STANDARD.decode(text).ok();
    if decoded.is_none() {
        report.error(format!("data[{name:?}]"), "BadBase64", "the value is not base64; it is ignored");
    }
    decoded
}
