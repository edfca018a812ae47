//! Scans a root on disk: the YAML files, and the folders to watch.
//!
//! Hidden names (with a leading dot) do not count. Editors use them for temporary files, and a mounted ConfigMap has
//! its generations in them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Deeper folders are skipped. No mesh nests so deep, and a cycle of links must end.
const MAX_DEPTH: usize = 16;

/// A fingerprint that tells whether a path has the same content, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// The folder behind a root, and the one behind the link `..data`, by which Kubernetes exchanges the content of a
/// mounted ConfigMap. Each with device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation((u64, u64), Option<(u64, u64)>);

/// Files and folders below a root, by path.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// YAML and JSON files.
    pub files: BTreeMap<PathBuf, Fingerprint>,
    /// Folders, with device and inode, because a link may change to another folder.
    pub folders: BTreeMap<PathBuf, (u64, u64)>,
}

impl Fingerprint {
    /// The fingerprint from `stat`.
    #[must_use]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Generation {
    /// That of a root; none if it is gone.
    pub(crate) fn of(root: &Path) -> Option<Self> {
        let identity = |path: &Path| fs::metadata(path).ok().map(|folder| (folder.dev(), folder.ino()));
        Some(Self(identity(root)?, identity(&root.join("..data"))))
    }
}

impl Scan {
    /// Adds a folder before its content, so that the caller can watch it before it is listed.
    ///
    /// # Errors
    /// When the folder cannot be listed. Deeper folders that cannot be listed are skipped, because they may be gone.
    pub(crate) fn add(&mut self, folder: &Path, watch: &mut dyn FnMut(&Path, (u64, u64))) -> std::io::Result<()> {
        self.list(folder, watch, 0)
    }

    fn list(&mut self, folder: &Path, watch: &mut dyn FnMut(&Path, (u64, u64)), depth: usize) -> std::io::Result<()> {
        let metadata = fs::metadata(folder)?;
        let identity = (metadata.dev(), metadata.ino());
        watch(folder, identity);
        self.folders.insert(folder.into(), identity);
        for entry in fs::read_dir(folder)?.flatten() {
            let path = entry.path();
            if is_hidden(&path) {
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() && depth < MAX_DEPTH => {
                    let _ = self.list(&path, watch, depth + 1);
                }
                Ok(metadata) if metadata.is_file() && is_document(&path) => {
                    self.files.insert(path, Fingerprint::of(&metadata));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a file of this name holds objects.
#[must_use]
pub(crate) fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("yaml" | "yml" | "json")) && !is_hidden(path)
}

/// Whether the last component of the path begins with a dot.
#[must_use]
pub(crate) fn is_hidden(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('.'))
}
