//! Changes on disk as inotify tells them, condensed to what has to be looked at.
//!
//! A file counts as changed when its writer closes it, or when a name comes to show another file. Not at each write: a
//! half-written file must not be read, and one that was just truncated looks like one whose objects were all deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// Events that may wait; past it the folders are read anew, so that a storm of writes takes no memory.
const MAX_WAITING: usize = 8192;

/// What one event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// The path shows its final content, or nothing.
    Settled,
    /// A name appeared; its writer may still be at work.
    Created,
    /// A writer is at work.
    Writing,
}

/// What happened since the last look.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Paths to look at now, with the time at which the first word of them came.
    pub settled: BTreeSet<PathBuf>,
    /// New files, of which the writer may not have come to an end.
    pub created: BTreeSet<PathBuf>,
    /// Events were lost: only reading everything anew helps.
    pub lost: bool,
    /// When the first of these events came.
    pub since: Option<Instant>,
}

/// Watches folders, not files: a file's name outlives the file.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    events: Receiver<(Word, PathBuf)>,
    lost: Arc<AtomicBool>,
    folders: BTreeMap<PathBuf, (u64, u64)>,
}

impl Watch {
    /// Opens the kernel's queue of events.
    ///
    /// # Errors
    /// When the kernel gives no queue, mostly because the user has too many.
    pub(crate) fn open() -> notify::Result<Self> {
        let (sender, events) = sync_channel(MAX_WAITING);
        let lost = Arc::new(AtomicBool::new(false));
        let flag = lost.clone();
        let watcher = notify::recommended_watcher(move |event| note(event, &sender, &flag))?;
        Ok(Self { watcher, events, lost, folders: BTreeMap::new() })
    }

    /// Watches one folder. Doing so again is free, unless the path has come to show another folder.
    ///
    /// # Errors
    /// When the folder is gone or the kernel allows no more watches.
    pub(crate) fn add(&mut self, folder: &Path, identity: (u64, u64)) -> notify::Result<()> {
        if self.folders.get(folder) == Some(&identity) {
            return Ok(());
        }
        if self.folders.remove(folder).is_some() {
            // The watch of the folder that was here before; the kernel may have dropped it already.
            let _ = self.watcher.unwatch(folder);
        }
        self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        self.folders.insert(folder.into(), identity);
        Ok(())
    }

    /// Forgets a folder that is gone, so that one of the same name is watched anew.
    pub(crate) fn forget(&mut self, folder: &Path) {
        if self.folders.remove(folder).is_some() {
            let _ = self.watcher.unwatch(folder);
        }
    }

    /// The folders being watched.
    #[must_use]
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.folders.keys().cloned().collect()
    }

    /// Waits for events, at most for `patience` when given, and takes all that have come. `None` when the watch is
    /// dead.
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
            changes.note(word, path);
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
            // Its writer, or the next one, is not done: the end of that will be told.
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

/// Runs on the watcher's thread: sends on what matters, and remembers if it could not.
fn note(event: notify::Result<Event>, sender: &SyncSender<(Word, PathBuf)>, lost: &AtomicBool) {
    // The flag first, then a word to wake the reader: where there is no room for the word, the reader has yet to wake.
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
