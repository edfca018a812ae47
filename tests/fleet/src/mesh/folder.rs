//! A folder that `heddled --config-dir` watches.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Object, Site};

/// Objects as files; each appears under its name whole.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Of a folder, which is made if it is not there.
    pub(crate) fn new(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.yaml"))
    }
}

impl Site for Folder {
    fn put(&mut self, name: &str, objects: &[Object]) -> Result<()> {
        let file = self.file(name);
        let texts: Vec<&str> = objects.iter().map(|object| object.0.as_str()).collect();
        let folder = file.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        // Hidden, so that it is not read before it is whole.
        let new = folder.join(format!(".{}", file.file_name().unwrap_or_default().display()));
        fs::write(&new, texts.join("---\n")).with_context(|| new.display().to_string())?;
        fs::rename(&new, &file).with_context(|| file.display().to_string())
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        let at = self.path.join(name);
        if at.is_dir() {
            fs::remove_dir_all(&at).with_context(|| at.display().to_string())
        } else {
            let file = self.file(name);
            fs::remove_file(&file).with_context(|| file.display().to_string())
        }
    }
}
