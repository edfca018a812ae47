//! Reads an authority that an operator plugs in, in either of istiod's layouts, or that was self-signed before.

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;

use crate::authority::{Authority, Files};
use crate::bundle::{self, Bundle};
use crate::error::{AuthorityError, BundleError};
use crate::key::SigningKey;
use crate::lifetime::Validity;

pub(crate) const CERTIFICATE: &str = "ca-cert.pem";
pub(crate) const KEY: &str = "ca-key.pem";
pub(crate) const ROOT: &str = "root-cert.pem";
pub(crate) const CHAIN: &str = "cert-chain.pem";

/// The names of the files of both layouts.
pub const FILES: [&str; 7] = [CERTIFICATE, KEY, ROOT, CHAIN, TLS.certificate, TLS.key, TLS.root];

/// The revocations of an operator's authority, which are not handed out yet.
pub const REVOCATIONS: &str = "ca-crl.pem";

/// The names of one layout's files.
struct Layout {
    certificate: &'static str,
    key: &'static str,
    root: &'static str,
    /// The signing certificate and those above it. It may be empty or missing if a root signed the certificate.
    chain: &'static str,
}

/// The layout of istiod's `cacerts` and `istio-ca-secret`.
const PEM: Layout = Layout { certificate: CERTIFICATE, key: KEY, root: ROOT, chain: CHAIN };
/// The layout of a Kubernetes TLS Secret, as cert-manager writes it.
const TLS: Layout = Layout { certificate: "tls.crt", key: "tls.key", root: "ca.crt", chain: "tls.crt" };

/// Reads and checks an authority: nothing missing, one key pair, allowed to sign, valid now, with a path to a root.
///
/// # Errors
/// Says which file is missing or wrong.
pub fn load(files: &Files, now: OffsetDateTime) -> Result<Authority, AuthorityError> {
    let layout = layout(files)?;
    let signer =
        certificates(files, layout.certificate)?.into_iter().next().ok_or_else(|| missing(layout.certificate))?;
    let key = SigningKey::parse(content(files, layout.key))
        .map_err(|error| AuthorityError::Key { file: layout.key.into(), error })?;
    let parsed = decode(layout.certificate, &signer)?;
    if parsed.public_key().raw != key.public_key() {
        return Err(AuthorityError::KeyMismatch);
    }
    // istiod leaves empty what says nothing new: the chain always, and up to version 1.19 also the root.
    let chain = optional(files, layout.chain)?;
    let mut roots = optional(files, layout.root)?;
    if roots.is_empty() && parsed.verify_signature(None).is_ok() {
        roots.push(signer.clone());
    }
    let roots = Bundle::of(roots).map_err(|error| AuthorityError::Certificates { file: layout.root.into(), error })?;
    let path = path(&signer, &chain, &roots);
    let (intermediates, validity) = path.map_err(|error| match error {
        AuthorityError::NoPath if chain.is_empty() => without(files, layout.chain),
        error => error,
    })?;
    if !validity.contains(now) {
        return Err(AuthorityError::NotValidNow);
    }
    let (subject, key_id) = (parsed.subject().as_raw().to_vec(), key_id(&parsed));
    Ok(Authority { key, subject, key_id, certificate: signer, intermediates, validity, roots })
}

/// The files of Secret `istio-ca-secret`. A missing key means the same as an empty key.
#[must_use]
pub fn secret_files(mut data: Files) -> Files {
    let key = |name: &str| (name.to_owned(), data.remove(name).unwrap_or_default());
    [CERTIFICATE, KEY, ROOT, CHAIN].map(key).into()
}

/// The layout that is whole; otherwise what is missing from the one that was begun.
fn layout(files: &Files) -> Result<Layout, AuthorityError> {
    let tls_begun = files.contains_key(TLS.key) || files.contains_key(TLS.certificate);
    let pem_begun = [CERTIFICATE, KEY, ROOT, CHAIN].iter().any(|name| files.contains_key(*name));
    let layout = if tls_begun && !pem_begun { TLS } else { PEM };
    let mut names = vec![layout.certificate, layout.key, layout.root];
    names.sort_unstable();
    names.retain(|name| !files.contains_key(*name));
    if names.is_empty() {
        return Ok(layout);
    }
    Err(AuthorityError::Missing { names: names.into_iter().map(str::to_owned).collect() })
}

fn missing(name: &str) -> AuthorityError {
    AuthorityError::Missing { names: vec![name.to_owned()] }
}

/// A file that is needed and has nothing in it, or does not exist.
fn without(files: &Files, name: &str) -> AuthorityError {
    match files.get(name) {
        Some(_) => AuthorityError::Certificates { file: name.into(), error: BundleError::Empty },
        None => missing(name),
    }
}

fn content<'a>(files: &'a Files, name: &str) -> &'a [u8] {
    files.get(name).map_or(&[], Vec::as_slice)
}

fn certificates(files: &Files, name: &str) -> Result<Vec<Vec<u8>>, AuthorityError> {
    bundle::parse(content(files, name)).map_err(|error| AuthorityError::Certificates { file: name.into(), error })
}

/// The certificates of a file that may be empty or missing.
fn optional(files: &Files, name: &str) -> Result<Vec<Vec<u8>>, AuthorityError> {
    if content(files, name).trim_ascii().is_empty() { Ok(Vec::new()) } else { certificates(files, name) }
}

fn decode<'a>(file: &str, der: &'a [u8]) -> Result<X509Certificate<'a>, AuthorityError> {
    bundle::decode(der).map_err(|error| AuthorityError::Certificates { file: file.into(), error })
}

/// Walks from the signer through the chain's certificates, in whatever order they are, up to a root.
///
/// Returns what lies below the root, and the time for which all of it (the root included) is valid.
fn path(signer: &[u8], chain: &[Vec<u8>], roots: &Bundle) -> Result<(Vec<Vec<u8>>, Validity), AuthorityError> {
    let mut current = decode(CERTIFICATE, signer)?;
    let mut validity = span(&current);
    let mut below = Vec::new();
    // Each step takes a certificate of the chain: so many steps, and no more, can lead anywhere.
    for _ in 0..=chain.len() {
        if !is_authority(&current) {
            return Err(AuthorityError::NotAnAuthority);
        }
        let der = current.as_ref().to_vec();
        if roots.roots().any(|root| root == der) {
            return Ok((below, validity));
        }
        below.push(der);
        for root in roots.roots() {
            let root = decode(ROOT, root)?;
            if signed(&root, &current) && is_authority(&root) {
                return Ok((below, overlap(validity, span(&root))));
            }
        }
        let next = chain
            .iter()
            .filter(|der| !below.contains(der))
            .find_map(|der| bundle::decode(der).ok().filter(|next| signed(next, &current)));
        current = next.ok_or(AuthorityError::NoPath)?;
        validity = overlap(validity, span(&current));
    }
    Err(AuthorityError::NoPath)
}

/// `issuer` signed `subject`. A signature of a kind that we cannot check (P-521) passes by its name alone: whoever
/// plugs in the files is trusted, and the check is for mistakes.
fn signed(issuer: &X509Certificate<'_>, subject: &X509Certificate<'_>) -> bool {
    issuer.subject().as_raw() == subject.issuer().as_raw()
        && match subject.verify_signature(Some(issuer.public_key())) {
            Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
            Err(_) => false,
        }
}

fn is_authority(certificate: &X509Certificate<'_>) -> bool {
    let may_sign = match certificate.key_usage() {
        Ok(Some(usage)) => usage.value.key_cert_sign(),
        Ok(None) => true,
        Err(_) => false,
    };
    may_sign && certificate.is_ca()
}

fn key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    })
}

fn span(certificate: &X509Certificate<'_>) -> Validity {
    let validity = certificate.validity();
    Validity { not_before: validity.not_before.to_datetime(), not_after: validity.not_after.to_datetime() }
}

fn overlap(one: Validity, other: Validity) -> Validity {
    Validity { not_before: one.not_before.max(other.not_before), not_after: one.not_after.min(other.not_after) }
}
