//! Secrets in files of the workload: `file-root:<file>`, `file-root:system` and `file-cert:<chain>~<key>`.
//!
//! Envoy would read these files only once, so the agent serves them. An unreadable file is replaced by a certificate
//! that nobody trusts. Without a response, Envoy would hold up every cluster of the proxy.

use std::{fs, path::Path, sync::LazyLock};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// The prefixes of the names.
const ROOTS: &str = "file-root:";
const PAIR: &str = "file-cert:";
/// The name for the roots of the operating system.
const SYSTEM: &str = "system";
/// The largest file that is read.
const MOST_BYTES: u64 = 4 << 20;
/// The paths of the roots in Linux distributions.
const SYSTEM_ROOTS: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The files of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Roots, PEM.
    Roots(Vec<u8>),
    /// A chain and its key, PEM.
    Pair(Vec<u8>, Vec<u8>),
}

/// Whether a name belongs to a secret in files.
pub(super) fn is_file(name: &str) -> bool {
    name.starts_with(ROOTS) || name.starts_with(PAIR)
}

/// The current content of a secret in files.
pub(super) fn content(name: &str) -> Option<Content> {
    if let Some(file) = name.strip_prefix(ROOTS) {
        return Some(Content::Roots(roots(file).unwrap_or_else(|| missing(name, NOBODY.0.clone()))));
    }
    let (chain, key) = name.strip_prefix(PAIR)?.split_once('~')?;
    let found = certificates(Path::new(chain)).zip(key_of(Path::new(key)));
    let (chain, key) = found.unwrap_or_else(|| missing(name, (NOBODY.0.clone(), NOBODY.1.clone())));
    Some(Content::Pair(chain, key))
}

/// A self-signed certificate and its key, created once in each process.
static NOBODY: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| match rcgen::generate_simple_self_signed(Vec::new()) {
    Ok(made) => (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes()),
    Err(error) => {
        tracing::error!(%error, "cannot create a key pair");
        (Vec::new(), Vec::new())
    }
});

fn roots(file: &str) -> Option<Vec<u8>> {
    if file == SYSTEM {
        SYSTEM_ROOTS.iter().find_map(|at| certificates(Path::new(at)))
    } else {
        certificates(Path::new(file))
    }
}

/// The content of a file, if it has only valid certificates.
fn certificates(file: &Path) -> Option<Vec<u8>> {
    let bytes = read(file)?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        certificate.ok()?;
        count += 1;
    }
    (count > 0).then_some(bytes)
}

fn key_of(file: &Path) -> Option<Vec<u8>> {
    let bytes = read(file)?;
    PrivateKeyDer::from_pem_slice(&bytes).is_ok().then_some(bytes)
}

fn read(file: &Path) -> Option<Vec<u8>> {
    let size = fs::metadata(file).ok().filter(fs::Metadata::is_file)?.len();
    (size <= MOST_BYTES).then(|| fs::read(file).ok()).flatten()
}

fn missing<T>(name: &str, instead: T) -> T {
    tracing::debug!(name, "the file has no certificate; connections that need it fail");
    instead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_each_time_and_what_is_missing_trusts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let (roots, pair) = (format!("file-root:{}", path("ca")), format!("file-cert:{}~{}", path("c"), path("k")));
        let nobody = Content::Roots(NOBODY.0.clone());
        assert_eq!(content(&roots).unwrap(), nobody);
        assert_eq!(content(&pair).unwrap(), Content::Pair(NOBODY.0.clone(), NOBODY.1.clone()));
        for (file, text) in [("ca", made.cert.pem()), ("c", made.cert.pem()), ("k", made.signing_key.serialize_pem())] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        assert_eq!(content(&roots).unwrap(), Content::Roots(made.cert.pem().into_bytes()));
        assert!(matches!(content(&pair).unwrap(), Content::Pair(chain, _) if chain == made.cert.pem().into_bytes()));
        fs::write(folder.path().join("ca"), "cannot get a certificate; the agent retries").unwrap();
        assert_eq!(content(&roots).unwrap(), nobody);
        assert_eq!(content(&format!("file-root:{}", folder.path().display())).unwrap(), nobody);
        assert!(content("default").is_none() && content("file-cert:x").is_none());
    }
}
