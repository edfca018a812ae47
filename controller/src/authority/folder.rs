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

/// The folder where the files of a new root are written.
const UNFINISHED: &str = ".unfinished-root";
/// The folder of a new root whose files are all written, and not all in their place.
const FINISHED: &str = ".finished-root";
/// The lock for writing the folder, so that two processes do not create two roots.
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

/// Loads the authority in the folder, or creates a self-signed root if there is none. A folder with a complete
/// authority may be read-only, as a mounted Secret is.
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
    if folder.join(heddle_ca::REVOCATIONS).exists() {
        tracing::warn!(
            folder = %folder.display(),
            "{} has no effect: proxies do not get revocations, and accept revoked certificates", heddle_ca::REVOCATIONS
        );
    }
    // Without the lock, because to create its file is a write.
    let first = match loaded(folder, now) {
        Ok(Some(authority)) => return Ok(authority),
        first => first.err(),
    };
    // Another process may be writing.
    let _lock = locked(folder).map_err(|error| first.unwrap_or(error))?;
    finish(folder)?;
    match loaded(folder, now)? {
        Some(authority) => Ok(authority),
        None => made(folder, trust_domain, life, now),
    }
}

/// The local token issuer. A missing key is created. In a read-only folder nobody else could know a new key, so it
/// stays in memory and no token is valid.
///
/// # Errors
/// When the key cannot be read or written, or has another type.
pub(crate) fn issuer(folder: &Path, audiences: &[String]) -> Result<Issuer, FolderError> {
    let path = folder.join(ISSUER_KEY_FILE);
    let of = |error| FolderError::Issuer { path: path.clone(), error };
    let key = match fs::read_to_string(&path) {
        Ok(text) => pem::decode(&text, "PRIVATE KEY").unwrap_or_default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Issuer::new_key().map_err(of)?;
            match keep(folder, &key) {
                Ok(text) => pem::decode(&text, "PRIVATE KEY").unwrap_or_default(),
                Err(FolderError::File { error, .. }) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                    tracing::warn!(
                        path = %path.display(),
                        "the folder is read-only and has no key of the token issuer; every token is refused"
                    );
                    key
                }
                Err(error) => return Err(error),
            }
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
    for name in heddle_ca::FILES {
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
    synced(folder)
}

/// The authority in the folder; none if it has no files of an authority.
fn loaded(folder: &Path, now: OffsetDateTime) -> Result<Option<Authority>, FolderError> {
    let files = read(folder)?;
    if files.is_empty() {
        return Ok(None);
    }
    let of = |error| FolderError::Authority { folder: folder.into(), error };
    heddle_ca::load(&files, now).map(Some).map_err(of)
}

/// Creates a root. Its files get into their place only when all of them are written: a full disk leaves none.
fn made(folder: &Path, trust_domain: &str, life: Duration, now: OffsetDateTime) -> Result<Authority, FolderError> {
    let of = |error| FolderError::Authority { folder: folder.into(), error };
    let (authority, files) = heddle_ca::self_signed(trust_domain, life, now, &SystemRandom::new()).map_err(of)?;
    let (unfinished, finished) = (folder.join(UNFINISHED), folder.join(FINISHED));
    let _ = fs::remove_dir_all(&unfinished);
    created(&unfinished)?;
    let written = write(&unfinished, &files).and_then(|()| at(&finished, fs::rename(&unfinished, &finished)));
    if written.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    written?;
    finish(folder)?;
    tracing::info!(folder = %folder.display(), trust_domain, "created a self-signed root certificate");
    Ok(authority)
}

/// Puts the files of a new root into their place, unless the operator has put others there.
fn finish(folder: &Path) -> Result<(), FolderError> {
    let finished = folder.join(FINISHED);
    if !finished.exists() {
        return Ok(());
    }
    let (new, present) = (read(&finished)?, read(folder)?);
    if present.iter().all(|(name, content)| new.get(name) == Some(content)) {
        for name in new.keys().filter(|name| !present.contains_key(*name)) {
            let path = folder.join(name);
            at(&path, fs::hard_link(finished.join(name), &path))?;
        }
        synced(folder)?;
    }
    at(&finished, fs::remove_dir_all(&finished))
}

/// Creates a missing folder, and holds its lock until dropped.
fn locked(folder: &Path) -> Result<File, FolderError> {
    created(folder)?;
    let path = folder.join(LOCK);
    let file = at(&path, OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path))?;
    at(&path, file.lock())?;
    Ok(file)
}

fn created(folder: &Path) -> Result<(), FolderError> {
    at(folder, fs::DirBuilder::new().recursive(true).mode(0o700).create(folder))
}

fn synced(folder: &Path) -> Result<(), FolderError> {
    at(folder, File::open(folder).and_then(|folder| folder.sync_all()))
}

/// Creates a file with mode 0600, which is renamed later.
fn fresh(folder: &Path, name: &str, content: &[u8]) -> Result<PathBuf, FolderError> {
    let path = folder.join(format!(".{name}.{}", std::process::id()));
    let _ = fs::remove_file(&path);
    let mut file = at(&path, OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path))?;
    at(&path, file.write_all(content).and_then(|()| file.sync_all()))?;
    Ok(path)
}

/// Keeps a new key of the issuer; returns the PEM of the key that is kept. A hard link fails if the file exists: then
/// another process has created the key for both.
fn keep(folder: &Path, key: &[u8]) -> Result<String, FolderError> {
    created(folder)?;
    let path = folder.join(ISSUER_KEY_FILE);
    let fresh = fresh(folder, ISSUER_KEY_FILE, pem::encode("PRIVATE KEY", key).as_bytes())?;
    let linked = match fs::hard_link(&fresh, &path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    let _ = fs::remove_file(&fresh);
    at(&path, linked)?;
    at(&path, fs::read_to_string(&path))
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, FolderError> {
    result.map_err(|error| FolderError::File { path: path.into(), error })
}

#[cfg(test)]
mod tests;
