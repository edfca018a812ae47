//! Records which file defines which object. If two files define the same object, the file in the later folder wins, and
//! in one folder the later path. So the last folder can override the first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// A file: the number of its folder and its path.
pub(crate) type SourceFile = (usize, PathBuf);

/// The overridden objects of a file, each with the path of the file that overrides it.
#[derive(Debug)]
pub(crate) struct Ledger<K, O> {
    files: BTreeMap<SourceFile, BTreeMap<K, O>>,
    files_of: BTreeMap<K, BTreeSet<SourceFile>>,
}

/// The result of a change of one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome<K, O> {
    /// Objects that are new or changed.
    pub applied: Vec<O>,
    /// Objects that no file defines any more.
    pub deleted: Vec<K>,
}

impl<K: Ord + Clone, O: Clone + PartialEq> Ledger<K, O> {
    /// Updates the objects of a file. `None` means that the file is gone.
    pub(crate) fn replace(&mut self, file: &SourceFile, objects: BTreeMap<K, O>) -> Outcome<K, O> {
        let touched: BTreeSet<K> =
            self.files.get(file).into_iter().flatten().map(|(key, _)| key).chain(objects.keys()).cloned().collect();
        let before: Vec<(K, Option<O>)> =
            touched.into_iter().map(|key| (key.clone(), self.get(&key).cloned())).collect();
        for (key, _) in &before {
            let files_of = self.files_of.entry(key.clone()).or_default();
            if objects.contains_key(key) {
                files_of.insert(file.clone());
            } else {
                files_of.remove(file);
            }
            if files_of.is_empty() {
                self.files_of.remove(key);
            }
        }
        if objects.is_empty() {
            self.files.remove(file);
        } else {
            self.files.insert(file.clone(), objects);
        }
        let mut outcome = Outcome { applied: Vec::new(), deleted: Vec::new() };
        for (key, before) in before {
            match (before, self.get(&key)) {
                (Some(_), None) => outcome.deleted.push(key),
                (before, Some(now)) if before.as_ref() != Some(now) => outcome.applied.push(now.clone()),
                _ => {}
            }
        }
        outcome
    }

    /// All objects of a file.
    pub(crate) fn file(&self, file: &SourceFile) -> impl Iterator<Item = (&K, &O)> {
        self.files.get(file).into_iter().flatten()
    }

    /// The winning object.
    pub(crate) fn get(&self, key: &K) -> Option<&O> {
        self.files.get(self.files_of.get(key)?.last()?)?.get(key)
    }

    /// The objects of a file that do not count, each with the path that counts in its stead.
    pub(crate) fn overruled(&self, file: &SourceFile) -> Vec<(K, PathBuf)> {
        let keys = self.files.get(file).into_iter().flatten().map(|(key, _)| key);
        let by = |key: &K| self.files_of.get(key)?.last().filter(|last| *last != file).map(|last| last.1.clone());
        keys.filter_map(|key| Some((key.clone(), by(key)?))).collect()
    }

    /// Other files that define an object of this file.
    pub(crate) fn rivals(&self, file: &SourceFile) -> BTreeSet<SourceFile> {
        let keys = self.files.get(file).into_iter().flatten().map(|(key, _)| key);
        keys.filter_map(|key| self.files_of.get(key)).flatten().filter(|other| *other != file).cloned().collect()
    }

    /// Whether objects come from files below this path, in any of the folders.
    pub(crate) fn is_above(&self, path: &Path) -> bool {
        // Paths are sorted by component, so the paths below a folder follow it.
        let mut folder = self.files.keys().next().map(|(folder, _)| *folder);
        while let Some(number) = folder {
            let mut rest = self.files.range((Bound::Excluded((number, path.to_path_buf())), Bound::Unbounded));
            if rest.next().is_some_and(|((one, file), _)| *one == number && file.starts_with(path)) {
                return true;
            }
            folder = self.files.range((number + 1, PathBuf::new())..).next().map(|((next, _), _)| *next);
        }
        false
    }

    /// The files of an object.
    pub(crate) fn files_of(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.keys()
    }
}

impl<K, O> Default for Ledger<K, O> {
    fn default() -> Self {
        Self { files: BTreeMap::new(), files_of: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests;
