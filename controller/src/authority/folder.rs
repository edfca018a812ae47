//! The folder of the authority. It has the operator's files or a self-signed root, and the key of the local token
//! issuer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use heddle_ca::{Authority, AuthorityError, Files};
use heddle_model::token::ISSUER_KEY_FILE;
use ring::rand::SystemRandom;
use time::OffsetDateTime;

use crate::auth::{Issuer, IssuerError};
use crate::pem;

/// The files of both layouts (contract, section 4).
const NAMES: [&str; 7] =
    ["ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem", "tls.crt", "tls.key", "ca.crt"];
/// This file exists while a self-signed root is written. The other files may then be incomplete.
const UNFINISHED: &str = ".unfinished";
/// The lock for reading and writing the folder, so that two processes do not create two roots.
const LOCK: &str = ".lock";
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Why the folder has no valid authority.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// A file cannot be read or written.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The files are not a valid authority.
    #[error("{folder}: {error}", folder = folder.display())]
    Authority {
        /// The folder.
        folder: PathBuf,
        /// The error.
        error: AuthorityError,
    },
    /// The key of the issuer is invalid.
    #[error("{path}: {error}", path = path.display())]
    Issuer {
        /// The file.
        path: PathBuf,
        /// The error.
        error: IssuerError,
    },
}

/// Loads the authority in the folder, or creates a self-signed root if there is none.
///
/// # Errors
/// When the folder has files that are not a complete authority, or cannot be written. Existing files are never
/// overwritten.
pub(crate) fn authority(
    folder: &Path,
    trust_domain: &str,
    life: Duration,
    now: OffsetDateTime,
) -> Result<Authority, FolderError> {
    let _lock = locked(folder)?;
    let of = |error| FolderError::Authority { folder: folder.into(), error };
    if folder.join(UNFINISHED).exists() {
        return made(folder, trust_domain, life, now);
    }
    let files = read(folder)?;
    if files.is_empty() {
        return made(folder, trust_domain, life, now);
    }
    heddle_ca::load(&files, now).map_err(of)
}

/// The local token issuer. A missing key is created.
///
/// # Errors
/// When the key cannot be read or written, or has another type.
pub(crate) fn issuer(folder: &Path, audiences: &[String]) -> Result<Issuer, FolderError> {
    let _lock = locked(folder)?;
    let path = folder.join(ISSUER_KEY_FILE);
    let of = |error| FolderError::Issuer { path: path.clone(), error };
    let key = match fs::read_to_string(&path) {
        Ok(text) => pem::decode(&text, "PRIVATE KEY").unwrap_or_default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Issuer::new_key().map_err(of)?;
            // A hard link fails if the file exists. Then another process has created the key for both.
            link(folder, ISSUER_KEY_FILE, pem::encode("PRIVATE KEY", &key).as_bytes())?;
            pem::decode(&at(&path, fs::read_to_string(&path))?, "PRIVATE KEY").unwrap_or_default()
        }
        Err(error) => return Err(FolderError::File { path, error }),
    };
    Issuer::new(&key, audiences).map_err(of)
}

/// Reads the authority's files in the folder.
///
/// # Errors
/// When a file exists but cannot be read, or is too large.
pub(crate) fn read(folder: &Path) -> Result<Files, FolderError> {
    let mut files = Files::new();
    for name in NAMES {
        let path = folder.join(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > MAX_FILE => {
                return Err(FolderError::File { path, error: io::Error::other("the file is larger than 1 MiB") });
            }
            Ok(_) => files.insert(name.into(), at(&path, fs::read(&path))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(FolderError::File { path, error }),
        };
    }
    Ok(files)
}

/// Writes the files of an authority. Each file is complete or missing, and other users cannot read it.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write(folder: &Path, files: &Files) -> Result<(), FolderError> {
    for (name, content) in files {
        let path = folder.join(name);
        let fresh = fresh(folder, name, content)?;
        at(&path, fs::rename(&fresh, &path))?;
    }
    at(folder, File::open(folder).and_then(|folder| folder.sync_all()))
}

fn made(folder: &Path, trust_domain: &str, life: Duration, now: OffsetDateTime) -> Result<Authority, FolderError> {
    let of = |error| FolderError::Authority { folder: folder.into(), error };
    let mark = folder.join(UNFINISHED);
    at(&mark, fs::write(&mark, b""))?;
    let (authority, files) = heddle_ca::self_signed(trust_domain, life, now, &SystemRandom::new()).map_err(of)?;
    write(folder, &files)?;
    at(&mark, fs::remove_file(&mark))?;
    tracing::info!(folder = %folder.display(), trust_domain, "created a self-signed root certificate");
    Ok(authority)
}

/// Creates a missing folder, and holds its lock until dropped.
fn locked(folder: &Path) -> Result<File, FolderError> {
    at(folder, fs::DirBuilder::new().recursive(true).mode(0o700).create(folder))?;
    let path = folder.join(LOCK);
    let file = at(&path, OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path))?;
    at(&path, file.lock())?;
    Ok(file)
}

/// Creates a file with mode 0600, which is renamed later.
fn fresh(folder: &Path, name: &str, content: &[u8]) -> Result<PathBuf, FolderError> {
    let path = folder.join(format!(".{name}.{}", std::process::id()));
    let _ = fs::remove_file(&path);
    let mut file = at(&path, OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path))?;
    at(&path, file.write_all(content).and_then(|()| file.sync_all()))?;
    Ok(path)
}

fn link(folder: &Path, name: &str, content: &[u8]) -> Result<(), FolderError> {
    let (fresh, path) = (fresh(folder, name, content)?, folder.join(name));
    let linked = match fs::hard_link(&fresh, &path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    let _ = fs::remove_file(&fresh);
    at(&path, linked)
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, FolderError> {
    result.map_err(|error| FolderError::File { path: path.into(), error })
}

#[cfg(test)]
mod tests;
