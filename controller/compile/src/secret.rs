//! Secrets by the names that listeners and clusters ask for. A proxy is given those of its own namespace only, and none
//! before it has proven who it is: that is decided here, before anything is looked up or shared.

use std::sync::Arc;

use heddle_model::{Text, proxy::Proxy, secret::Secret as Certificates};
use heddle_xds_api::{
    TypeUrl,
    envoy::{
        config::core::v3::{DataSource, data_source::Specifier},
        extensions::transport_sockets::tls::v3::{CertificateValidationContext, Secret, TlsCertificate, secret::Type},
    },
};

use crate::{by_ptr::ByPtr, compiled::Compiled, entry::Entry, memo::Key, scope::Scope, tracked::Tracked};

/// Scheme of names of Secrets.
const SCHEME: &str = "kubernetes://";
/// Suffix of the name of the roots that belong to a certificate.
const ROOTS: &str = "-cacert";

/// Whether a secret exists for the proxies of a view, so that a listener may ask for it.
pub(crate) fn exists(scope: &Scope<'_>, name: &str) -> bool {
    scope.tracked.assumes_secrets() || find(scope.tracked, &scope.view.namespace, name).is_some()
}

/// All that the resources of one Secret depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SecretKey(ByPtr<Certificates>);

/// The secrets that a proxy may ask for.
pub(crate) fn keys(tracked: &Tracked<'_>, proxy: &Proxy) -> Vec<SecretKey> {
    if !proxy.verified {
        return Vec::new();
    }
    tracked.secrets(&proxy.namespace).map(|certificates| SecretKey(ByPtr::new(certificates))).collect()
}

impl Key for SecretKey {
    type Value = Vec<Arc<Entry>>;

    /// By the short name, for the proxies of its namespace, and by the long one.
    fn compile(&self) -> Vec<Arc<Entry>> {
        let (namespace, name) = (self.0.origin.namespace(), self.0.origin.name());
        let names = [format!("{SCHEME}{name}"), format!("{SCHEME}{namespace}/{name}")];
        let compiled = names.iter().flat_map(|name| of(name, &self.0));
        compiled.map(|one| Arc::new(Entry::new(TypeUrl::Secret, one.value.name.clone(), one))).collect()
    }
}

fn of(name: &str, certificates: &Certificates) -> Vec<Compiled<Secret>> {
    let compiled = |name: String, value: Type| Compiled {
        value: Secret { name, r#type: Some(value) },
        issues: Vec::new(),
        sources: vec![certificates.origin.object.clone()],
    };
    let mut found = Vec::new();
    if !certificates.certificate.is_empty() {
        found.push(compiled(name.into(), Type::TlsCertificate(certificate(certificates))));
    }
    if !certificates.roots.is_empty() {
        let roots = || Type::ValidationContext(roots(certificates));
        if certificates.certificate.is_empty() {
            found.push(compiled(name.into(), roots()));
        }
        if !name.ends_with(ROOTS) {
            found.push(compiled(format!("{name}{ROOTS}"), roots()));
        }
    }
    found
}

fn certificate(of: &Certificates) -> TlsCertificate {
    TlsCertificate {
        certificate_chain: Some(bytes(&of.certificate)),
        private_key: Some(bytes(&of.key)),
        ocsp_staple: (!of.staple.is_empty()).then(|| bytes(&of.staple)),
        ..TlsCertificate::default()
    }
}

fn roots(of: &Certificates) -> CertificateValidationContext {
    CertificateValidationContext {
        trusted_ca: Some(bytes(&of.roots)),
        crl: (!of.revocations.is_empty()).then(|| bytes(&of.revocations)),
        ..CertificateValidationContext::default()
    }
}

fn bytes(bytes: &Arc<[u8]>) -> DataSource {
    DataSource { specifier: Some(Specifier::InlineBytes(bytes.to_vec())), ..DataSource::default() }
}

/// The Secret behind a name, if it is of that namespace: `kubernetes://[<namespace>/]<name>[-cacert]`.
fn find<'a>(tracked: &Tracked<'a>, namespace: &Text, name: &str) -> Option<&'a Arc<Certificates>> {
    let path = name.strip_prefix(SCHEME)?;
    let own = match path.split_once('/') {
        Some((of, name)) => (*of == **namespace).then_some(name)?,
        None => path,
    };
    let get = |name: &str| tracked.secret(namespace, &name.into());
    let roots_of = |base: &str| get(base).filter(|secret| !secret.roots.is_empty());
    get(own).or_else(|| own.strip_suffix(ROOTS).and_then(roots_of))
}
