//! Reads one file into objects.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use heddle_model::issue::Issue;
use heddle_model::object::{Kind, ObjectRef};
use heddle_store::{Object, documents};

/// Said of an object that another file gives too, and that counts there.
pub(super) const OVERRULED: &str = "Overruled";
/// Said of a file that cannot be read at all.
const UNREADABLE: &str = "UnreadableFile";
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// What a file shows.
pub(super) enum Content {
    /// It is gone, or has nothing in it.
    Nothing,
    /// Its objects, and what is wrong with others in it.
    Objects(BTreeMap<Arc<ObjectRef>, Object>, Vec<Issue>),
    /// It cannot be read.
    Broken(Vec<Issue>),
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Content {
    let bytes = match bytes(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Content::Nothing,
        Err(error) => {
            let object = Arc::new(ObjectRef::new(Kind::File, "", path.to_string_lossy()));
            let message = format!("cannot read this file; its last objects stay in force: {error}");
            return Content::Broken(vec![Issue::error(&object, "", UNREADABLE, message)]);
        }
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Content::Nothing;
    }
    let (objects, issues) = documents(&bytes);
    // Of two documents with one name the later counts, as it does when both are applied in turn.
    Content::Objects(objects.into_iter().map(|object| (object.key.clone(), object)).collect(), issues)
}

/// The issue of an object in `path` that the file `by` overrules.
pub(super) fn overruled(object: &Arc<ObjectRef>, path: &Path, by: &Path) -> Issue {
    let message = format!(
        "this object in {} has no effect, because {} has the same object and overrides it",
        path.display(),
        by.display()
    );
    Issue::warning(object, "", OVERRULED, message)
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        // A pipe would block, and has no content to come back to.
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE { Err(io::Error::other("it is larger than 64 MiB")) } else { Ok(bytes) }
}
