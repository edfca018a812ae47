//! Folders of YAML files: what the Kubernetes API is to a cluster, for everyone who has none.
//!
//! A change is picked up when its writer closes the file or renames it into place, at once and without waiting for
//! more. Only a file that is gone or empty is looked at again [`PATIENCE`] later before its objects are deleted: many
//! editors save by removing or truncating first. A file that cannot be read or parsed keeps the objects that it gave
//! before. So does a folder that is gone, or that an empty one replaced: a slip of the operator is no empty mesh.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_model::issue::{Issue, Severity};
use heddle_model::object::{Kind, ObjectRef};
use heddle_store::{Event, Object, SourceId};
use tokio::sync::mpsc::Sender;

use super::Batch;
use super::ledger::{Ledger, SourceFile};
use super::scan::{Fingerprint, Generation, Scan, is_document, is_hidden};
use super::watch::{Changes, Watch};

mod read;

use read::Content;

/// How long a file may be gone or empty in the middle of being saved.
const PATIENCE: Duration = Duration::from_millis(50);

/// What to watch.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    /// Folders of objects; where two hold the same one, the later counts.
    pub folders: Vec<PathBuf>,
    /// The file with the MeshConfig; it counts more than any folder, and may be missing.
    pub mesh: PathBuf,
    /// The kinds of which nobody else reports: these are in sync once the files are read.
    pub kinds: Vec<Kind>,
}

/// Why the folders cannot be watched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// A folder is missing at start: taking a typing error for an empty mesh would be worse than not starting.
    #[error("--config-dir {path}: {error}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// The kernel gives no notice of changes.
    #[error("cannot watch for changes: {0}")]
    Watch(#[from] notify::Error),
}

/// The folders, what was read from them, and what is to be looked at again.
pub(crate) struct Files {
    roots: Vec<PathBuf>,
    /// The folder behind each root when it last held documents.
    held: BTreeMap<PathBuf, Generation>,
    /// Whether a root is gone or empty, and its objects stay in force.
    lost: bool,
    mesh: PathBuf,
    kinds: Vec<Kind>,
    watch: Watch,
    ledger: Ledger<Arc<ObjectRef>, Object>,
    seen: BTreeMap<PathBuf, Fingerprint>,
    again: BTreeMap<PathBuf, Instant>,
    issues: BTreeMap<PathBuf, Vec<Issue>>,
}

impl Files {
    /// Opens the watch and checks that each folder is there.
    ///
    /// # Errors
    /// When a folder is missing or the kernel gives no watch.
    pub(crate) fn open(roots: Roots) -> Result<Self, FilesError> {
        let mut folders = Vec::new();
        for path in roots.folders {
            let absolute = std::path::absolute(&path).and_then(|path| fs::read_dir(&path).map(|_| path));
            folders.push(absolute.map_err(|error| FilesError::Folder { path, error })?);
        }
        let mesh = std::path::absolute(&roots.mesh).unwrap_or(roots.mesh);
        Ok(Self {
            roots: folders,
            held: BTreeMap::new(),
            lost: false,
            mesh,
            kinds: roots.kinds,
            watch: Watch::open()?,
            ledger: Ledger::default(),
            seen: BTreeMap::new(),
            again: BTreeMap::new(),
            issues: BTreeMap::new(),
        })
    }

    /// Sends all there is, then each change, until nobody listens any more. Blocks: it wants a thread of its own.
    pub(crate) fn run(mut self, out: &Sender<Batch>) {
        let mut first = self.look_everywhere(Instant::now());
        first.events.extend(self.kinds.iter().map(|kind| Event::Synced(SourceId::Files, *kind)));
        if out.blocking_send(first).is_err() {
            return;
        }
        while let Some(changes) = self.watch.next(self.patience()) {
            let batch = self.look(&changes);
            let idle = batch.events.is_empty() && batch.issues.is_empty();
            if !idle && out.blocking_send(batch).is_err() {
                return;
            }
            if out.is_closed() {
                return;
            }
        }
        tracing::error!("heddled sees no more changes of files; restart it");
    }

    fn patience(&self) -> Option<Duration> {
        let first = self.again.values().min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    /// What follows from these changes.
    fn look(&mut self, changes: &Changes) -> Batch {
        let since = changes.since.unwrap_or_else(Instant::now);
        if changes.lost {
            tracing::warn!("too many changes of files at once; heddled reads all files again");
            self.seen.clear();
            return self.look_everywhere(since);
        }
        // A file that comes into a lost root ends what the files before it gave.
        if changes.settled.iter().chain(&changes.created).any(|path| self.lost || self.moves_folders(path)) {
            return self.look_everywhere(since);
        }
        let mut batch = Batch::new(since);
        let due: BTreeSet<PathBuf> =
            self.again.iter().filter(|(_, at)| **at <= since).map(|(path, _)| path.clone()).collect();
        for path in &changes.settled {
            self.read(path, false, &mut batch);
        }
        for path in &changes.created {
            // A link shows whole content at once; of a plain file the end of writing will be told.
            let whole = fs::symlink_metadata(path).is_ok_and(|file| file.is_symlink() || file.nlink() > 1);
            if whole {
                self.read(path, false, &mut batch);
            } else {
                self.again.insert(path.clone(), since + PATIENCE);
            }
        }
        for path in due.difference(&changes.settled) {
            self.again.remove(path);
            self.read(path, true, &mut batch);
        }
        batch
    }

    /// Reads what is new or changed since the last time, and drops what is gone.
    fn look_everywhere(&mut self, since: Instant) -> Batch {
        let mut batch = Batch::new(since);
        let mut scan = Scan::default();
        let mut missing = Vec::new();
        for root in self.roots.clone() {
            self.watch_above(&root);
            let watch = &mut self.watch;
            let mut add = |folder: &Path, identity| {
                if let Err(error) = watch.add(folder, identity) {
                    tracing::error!(folder = %folder.display(), %error, "cannot watch a folder");
                }
            };
            if let Err(error) = scan.add(&root, &mut add) {
                tracing::error!(folder = %root.display(), %error, "cannot list a folder; its objects stay in force");
                missing.push(root);
            } else if scan.files.keys().any(|path| path.starts_with(&root)) {
                self.held.extend(Generation::of(&root).map(|generation| (root, generation)));
            } else if self.is_lost(&root) {
                let folder = root.display();
                tracing::error!(%folder, "an empty folder has replaced a folder with files; its objects stay in force");
                missing.push(root);
            }
        }
        self.watch_above(&self.mesh.clone());
        if let Ok(metadata) = fs::metadata(&self.mesh) {
            scan.files.insert(self.mesh.clone(), Fingerprint::of(&metadata));
        }
        for (path, fingerprint) in &scan.files {
            if self.seen.get(path) != Some(fingerprint) {
                self.read(path, false, &mut batch);
            }
        }
        self.lost = !missing.is_empty();
        let gone =
            |path: &PathBuf| !scan.files.contains_key(path) && !missing.iter().any(|root| path.starts_with(root));
        let gone: Vec<PathBuf> = self.ledger.files_of().map(|(_, path)| path.clone()).filter(gone).collect();
        for path in gone {
            self.again.entry(path).or_insert(since + PATIENCE);
        }
        for folder in self.watch.folders() {
            if !folder.is_dir() {
                self.watch.forget(&folder);
            }
        }
        batch
    }

    /// Watches the folder that holds `path`, to see when `path` comes to show something else.
    fn watch_above(&mut self, path: &Path) {
        let Some(above) = path.parent() else { return };
        if let Ok(metadata) = fs::metadata(above)
            && let Err(error) = self.watch.add(above, (metadata.dev(), metadata.ino()))
        {
            tracing::warn!(folder = %above.display(), %error, "cannot watch a folder");
        }
    }

    /// Whether a change of this path may have brought, taken or exchanged whole folders.
    fn moves_folders(&self, path: &Path) -> bool {
        if self.roots.iter().any(|root| root == path) {
            return true;
        }
        let inside = self.roots.iter().any(|root| path.starts_with(root)) || path.parent() == self.mesh.parent();
        if !inside || *path == *self.mesh {
            return false;
        }
        // `..data` is how Kubernetes exchanges the generation behind the links of a mounted ConfigMap. An editor's
        // hidden file is none of that.
        let generation = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".."));
        let folder = || !is_hidden(path) && fs::metadata(path).is_ok_and(|path| path.is_dir());
        generation || folder() || self.ledger.is_above(path)
    }

    /// Whether a folder that held documents is gone, or another one without documents has replaced it. One that is
    /// emptied file by file is still the same.
    fn is_lost(&self, root: &Path) -> bool {
        let Some(held) = self.held.get(root) else { return false };
        // First what is rarely true: files may go by thousands.
        Generation::of(root).as_ref() != Some(held) && {
            let mut scan = Scan::default();
            scan.add(root, &mut |_, _| {}).is_err() || scan.files.is_empty()
        }
    }

    /// Where a path counts; none if it does not.
    fn file(&self, path: &Path) -> Option<SourceFile> {
        if path == self.mesh {
            return Some((self.roots.len(), path.into()));
        }
        let folder = self.roots.iter().rposition(|root| path.starts_with(root))?;
        let below = path.strip_prefix(self.roots.get(folder)?).ok()?;
        let hidden = below.components().any(|part| is_hidden(Path::new(part.as_os_str())));
        (!hidden && is_document(path)).then(|| (folder, path.into()))
    }

    /// Reads one file. What is missing or empty is looked at again later, unless this is that look (`last`).
    fn read(&mut self, path: &Path, last: bool, batch: &mut Batch) {
        let Some(file) = self.file(path) else { return };
        let content = read::read(path);
        if let Content::Nothing = content
            && !last
            && self.ledger.files_of().any(|known| *known == file)
        {
            self.again.insert(path.into(), batch.since + PATIENCE);
            return;
        }
        self.again.remove(path);
        if let Content::Nothing = content
            && self.roots.get(file.0).is_some_and(|root| self.is_lost(root))
        {
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) => self.seen.insert(path.into(), Fingerprint::of(&metadata)),
            Err(_) => self.seen.remove(path),
        };
        match content {
            Content::Nothing => self.replace(&file, BTreeMap::new(), Vec::new(), batch),
            Content::Objects(mut objects, issues) => {
                if issues.iter().any(|issue| issue.severity == Severity::Error) {
                    // One of the objects that seem to be gone may be the one that cannot be read.
                    for (key, object) in self.ledger.file(&file) {
                        objects.entry(key.clone()).or_insert_with(|| object.clone());
                    }
                }
                self.replace(&file, objects, issues, batch);
            }
            Content::Broken(issues) => self.tell(path, issues, batch),
        }
    }

    fn replace(
        &mut self,
        file: &SourceFile,
        objects: BTreeMap<Arc<ObjectRef>, Object>,
        mut issues: Vec<Issue>,
        batch: &mut Batch,
    ) {
        let mut others = self.ledger.rivals(file);
        let outcome = self.ledger.replace(file, objects);
        batch.events.extend(outcome.deleted.into_iter().map(|key| Event::Delete(SourceId::Files, key)));
        let applied = outcome.applied.into_iter().map(Box::new);
        batch.events.extend(applied.map(|object| Event::Apply(SourceId::Files, object)));
        others.extend(self.ledger.rivals(file));
        issues.extend(self.overruled(file));
        self.tell(&file.1, issues, batch);
        for other in others {
            let kept = self.issues.get(&other.1).into_iter().flatten().filter(|issue| issue.reason != read::OVERRULED);
            let issues = kept.cloned().chain(self.overruled(&other)).collect();
            self.tell(&other.1, issues, batch);
        }
    }

    /// An issue for each object of a file that another file overrules. A file that is about to go overrules nobody.
    fn overruled(&self, file: &SourceFile) -> Vec<Issue> {
        let by = self.ledger.overruled(file).into_iter().filter(|(_, by)| !self.again.contains_key(by));
        by.map(|(key, by)| read::overruled(&key, &file.1, &by)).collect()
    }

    /// Says what is wrong with a file, where that is news.
    fn tell(&mut self, path: &Path, issues: Vec<Issue>, batch: &mut Batch) {
        let known = self.issues.get(path).map_or(&[][..], Vec::as_slice);
        if known == issues {
            return;
        }
        for issue in issues.iter().filter(|issue| !known.contains(issue)) {
            tracing::warn!(file = %path.display(), object = %issue.object, field = issue.field, reason = issue.reason,
                "{}", issue.message);
        }
        batch.issues.insert(path.into(), issues.clone());
        if issues.is_empty() {
            self.issues.remove(path);
        } else {
            self.issues.insert(path.into(), issues);
        }
    }
}

#[cfg(test)]
mod tests;
