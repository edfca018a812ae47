//! Changes on disk from inotify, reduced to the paths that must be read.
//!
//! A file has changed when its writer closes it, or when a name refers to another file. A single write does not count:
//! a half-written file must not be read, and a truncated file looks as if its objects were deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// The most waiting events. After that, all folders are read again, so that a storm of writes needs no memory.
const MAX_WAITING: usize = 8192;

/// The consequence of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// The path has its final content, or is gone.
    Settled,
    /// A name appeared. Its writer may not be done.
    Created,
    /// A writer is writing.
    Writing,
}

/// The changes since the last call.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Paths to read now, with the time of the first event.
    pub settled: BTreeSet<PathBuf>,
    /// New files whose writer may not be done.
    pub created: BTreeSet<PathBuf>,
    /// Events were lost, so everything must be read again.
    pub lost: bool,
    /// The time of the first event.
    pub since: Option<Instant>,
}

/// Watches folders, not files, because a name outlives its file.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    events: Receiver<(Word, PathBuf)>,
    lost: Arc<AtomicBool>,
    folders: BTreeMap<PathBuf, (u64, u64)>,
}

impl Watch {
    /// Opens the event queue of the kernel.
    ///
    /// # Errors
    /// When the kernel refuses, mostly because the user has too many queues.
    pub(crate) fn open() -> notify::Result<Self> {
        let (sender, events) = sync_channel(MAX_WAITING);
        let lost = Arc::new(AtomicBool::new(false));
        let flag = lost.clone();
        let watcher = notify::recommended_watcher(move |event| note(event, &sender, &flag))?;
        Ok(Self { watcher, events, lost, folders: BTreeMap::new() })
    }

    /// Watches a folder. A second call costs nothing, unless the path refers to another folder now.
    ///
    /// # Errors
    /// When the folder is gone or the kernel allows no more watches.
    pub(crate) fn add(&mut self, folder: &Path, identity: (u64, u64)) -> notify::Result<()> {
        if self.folders.get(folder) == Some(&identity) {
            return Ok(());
        }
        // The watch of the earlier folder. The kernel may have removed it already.
        self.forget(folder);
        self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        self.folders.insert(folder.into(), identity);
        Ok(())
    }

    /// Forgets a deleted folder, so that a new folder with the same name is watched.
    pub(crate) fn forget(&mut self, folder: &Path) {
        let Some(identity) = self.folders.remove(folder) else { return };
        let _ = self.watcher.unwatch(folder);
        // The kernel has one watch for all paths of a folder, and it is gone now.
        let other = self.paths_of(identity).next().cloned();
        if let Some(other) = other {
            let _ = self.watcher.unwatch(&other);
            if let Err(error) = self.watcher.watch(&other, RecursiveMode::NonRecursive) {
                tracing::error!(folder = %other.display(), %error, "cannot watch a folder");
            }
        }
    }

    /// The watched paths of a folder. There are more than one if there are links to it.
    fn paths_of(&self, identity: (u64, u64)) -> impl Iterator<Item = &PathBuf> {
        self.folders.iter().filter(move |(_, one)| **one == identity).map(|(path, _)| path)
    }

    /// The path of an event, under each path of its folder: the kernel tells of one of them only.
    fn all_paths(&self, path: PathBuf) -> Vec<PathBuf> {
        let identity = path.parent().and_then(|folder| self.folders.get(folder));
        let Some((identity, name)) = identity.zip(path.file_name()) else { return vec![path] };
        self.paths_of(*identity).map(|folder| folder.join(name)).collect()
    }

    /// The watched folders.
    #[must_use]
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.folders.keys().cloned().collect()
    }

    /// Waits for events, for at most `patience` if given, and takes all of them. `None` if the watch has failed.
    pub(crate) fn next(&mut self, patience: Option<Duration>) -> Option<Changes> {
        let first = match patience {
            None => Some(self.events.recv().ok()?),
            Some(patience) => match self.events.recv_timeout(patience) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        };
        let mut changes = Changes { since: first.as_ref().map(|_| Instant::now()), ..Changes::default() };
        for (word, path) in first.into_iter().chain(self.events.try_iter().take(MAX_WAITING)) {
            for path in self.all_paths(path) {
                changes.note(word, path);
            }
        }
        changes.lost = self.lost.swap(false, Ordering::AcqRel);
        Some(changes)
    }
}

impl Changes {
    fn note(&mut self, word: Word, path: PathBuf) {
        match word {
            Word::Settled => {
                self.created.remove(&path);
                self.settled.insert(path);
            }
            // The file is still being written. Its close event follows.
            Word::Writing => {
                self.settled.remove(&path);
            }
            Word::Created => {
                self.settled.remove(&path);
                self.created.insert(path);
            }
        }
    }
}

/// Runs on the watcher's thread. It forwards relevant events, and records if it could not.
fn note(event: notify::Result<Event>, sender: &SyncSender<(Word, PathBuf)>, lost: &AtomicBool) {
    // Set the flag before waking the reader. If the channel is full, the reader will wake anyway.
    let give_up = || {
        lost.store(true, Ordering::Release);
        let _ = sender.try_send((Word::Settled, PathBuf::new()));
    };
    let Ok(event) = event else { return give_up() };
    if event.need_rescan() {
        give_up();
    }
    let word = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(_) | ModifyKind::Metadata(_))
        | EventKind::Create(CreateKind::Folder)
        | EventKind::Remove(_) => Word::Settled,
        EventKind::Create(_) => Word::Created,
        EventKind::Modify(ModifyKind::Data(_)) => Word::Writing,
        _ => return,
    };
    for path in event.paths {
        if sender.try_send((word, path)).is_err() {
            give_up();
        }
    }
}
