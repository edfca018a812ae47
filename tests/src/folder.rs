//! A folder of YAML objects that a controller watches, edited as a person would: a whole file at a time, renamed into
//! place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use heddle_yaml::Schema;
use serde_json::Value;

/// The folder, and what it held at first.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    staging: PathBuf,
    pristine: BTreeMap<String, String>,
}

impl Folder {
    /// Makes `path` with a copy of the YAML files of `sources` (not of what is below them), each rewritten by
    /// `rewrite`. Files are made ready in `<path>.staging`, so that the folder never shows half a file.
    pub fn copy(sources: &[PathBuf], path: &Path, rewrite: impl Fn(String) -> String) -> Result<Self> {
        let staging = path.with_extension("staging");
        for folder in [path, &staging] {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        let mut pristine = BTreeMap::new();
        for source in sources {
            let entries = fs::read_dir(source).with_context(|| format!("read {}", source.display()))?;
            for entry in entries {
                let file = entry?.path();
                if file.extension().is_some_and(|extension| extension == "yaml") {
                    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    pristine.insert(name, rewrite(fs::read_to_string(&file)?));
                }
            }
        }
        let folder = Self { path: path.to_owned(), staging, pristine };
        for (name, text) in &folder.pristine {
            folder.write(name, text)?;
        }
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `<name>.yaml` in place, whole or not at all, and returns the time just before the rename.
    pub fn put(&self, name: &str, text: &str) -> Result<SystemTime> {
        self.write(&format!("{name}.yaml"), text)
    }

    /// Takes `<name>.yaml` away.
    pub fn remove(&self, name: &str) -> Result<()> {
        let file = self.path.join(format!("{name}.yaml"));
        fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))
    }

    /// Changes the object of that kind and name in the file that holds it.
    pub fn edit(&self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) -> Result<SystemTime> {
        for file in self.files()? {
            let mut objects = parse(&fs::read_to_string(self.path.join(&file))?).with_context(|| file.clone())?;
            let found = objects.iter_mut().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
            if let Some(object) = found {
                change(object);
                return self.write(&file, &print(&objects));
            }
        }
        anyhow::bail!("no file in {} holds the {kind} {name}", self.path.display())
    }

    /// Makes it what it was at first. Files that are as they were are not touched.
    pub fn restore(&self) -> Result<()> {
        for file in self.files()? {
            if !self.pristine.contains_key(&file) {
                fs::remove_file(self.path.join(file))?;
            }
        }
        for (file, text) in &self.pristine {
            if fs::read_to_string(self.path.join(file)).ok().as_ref() != Some(text) {
                self.write(file, text)?;
            }
        }
        Ok(())
    }

    fn write(&self, file: &str, text: &str) -> Result<SystemTime> {
        ensure!(!file.contains('/'), "{file} is not a name in the folder");
        let ready = self.staging.join(file);
        fs::write(&ready, text).with_context(|| format!("write {}", ready.display()))?;
        let before = SystemTime::now();
        fs::rename(&ready, self.path.join(file)).with_context(|| format!("rename to {file}"))?;
        Ok(before)
    }

    fn files(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            files.push(entry?.file_name().to_string_lossy().into_owned());
        }
        files.sort();
        Ok(files)
    }
}

fn parse(text: &str) -> Result<Vec<Value>> {
    heddle_yaml::values(text, Schema::Yaml11).context("not YAML")
}

fn print(objects: &[Value]) -> String {
    objects.iter().map(heddle_yaml::write).collect::<Vec<_>>().join("---\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_changes_one_object_and_restore_takes_all_back() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("source");
        fs::create_dir(&source).unwrap();
        let text = "kind: A\nmetadata: {name: x}\n---\nkind: B\nmetadata: {name: x}\nspec: {n: 1}\n";
        fs::write(source.join("both.yaml"), text).unwrap();
        let folder = Folder::copy(&[source], &root.path().join("run"), |text| text.replace("n: 1", "n: 2")).unwrap();
        folder.edit("B", "x", |object| object["spec"]["m"] = 3.into()).unwrap();
        folder.put("more", "kind: C\n").unwrap();
        let objects = parse(&fs::read_to_string(folder.path().join("both.yaml")).unwrap()).unwrap();
        assert_eq!(objects[1]["spec"], serde_json::json!({"n": 2, "m": 3}));
        assert_eq!(objects[0]["kind"], "A");
        assert!(folder.edit("D", "x", |_| ()).is_err());
        folder.restore().unwrap();
        let restored = fs::read_to_string(folder.path().join("both.yaml")).unwrap();
        assert_eq!(restored, text.replace("n: 1", "n: 2"));
        assert!(!folder.path().join("more.yaml").exists());
    }
}
