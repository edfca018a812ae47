//! Secrets that lie in files of the workload: `file-root:<file>`, `file-root:system` and `file-cert:<chain>~<key>`.
//!
//! They are served here and not read by Envoy itself, which would read them once only. What cannot be read is replaced
//! by what nobody trusts: without any answer Envoy holds up every cluster of the proxy, not just the one that asks.

use std::{fs, path::Path, sync::LazyLock};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// Beginnings of the names.
const ROOTS: &str = "file-root:";
const PAIR: &str = "file-cert:";
/// The file name that stands for the operating system's roots.
const SYSTEM: &str = "system";
/// Larger files are no certificates.
const MOST_BYTES: u64 = 4 << 20;
/// Where distributions keep their roots.
const SYSTEM_ROOTS: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What a name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Roots, PEM.
    Roots(Vec<u8>),
    /// A chain and its key, PEM.
    Pair(Vec<u8>, Vec<u8>),
}

/// Whether a name is that of a secret in files.
pub(super) fn is_file(name: &str) -> bool {
    name.starts_with(ROOTS) || name.starts_with(PAIR)
}

/// The content of a secret in files, as they are now.
pub(super) fn content(name: &str) -> Option<Content> {
    if let Some(file) = name.strip_prefix(ROOTS) {
        return Some(Content::Roots(roots(file).unwrap_or_else(|| missing(name, NOBODY.0.clone()))));
    }
    let (chain, key) = name.strip_prefix(PAIR)?.split_once('~')?;
    let found = certificates(Path::new(chain)).zip(key_of(Path::new(key)));
    let (chain, key) = found.unwrap_or_else(|| missing(name, (NOBODY.0.clone(), NOBODY.1.clone())));
    Some(Content::Pair(chain, key))
}

/// A certificate that nobody signed and its key, made anew by each process.
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

/// A file's bytes, if they are certificates and nothing broken among them.
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
