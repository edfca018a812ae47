//! The rules as `tidy.toml` states them, and a violation of one.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// The whole of `tidy.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    pub(crate) tree: Tree,
    pub(crate) text: Text,
    pub(crate) crates: BTreeMap<String, Crate>,
    #[serde(default)]
    pub(crate) except: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) file_lines: usize,
    pub(crate) function_lines: usize,
    pub(crate) children: usize,
    pub(crate) line_columns: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tree {
    pub(crate) top: Vec<String>,
    pub(crate) banned_words: Vec<String>,
    pub(crate) pictures: Vec<String>,
    pub(crate) generated: Vec<String>,
}

/// Where text may be taken apart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    pub(crate) folders: Vec<String>,
    /// Whose text each file reads.
    pub(crate) readers: BTreeMap<String, String>,
}

/// A line of the import table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Crate {
    pub(crate) folder: String,
    pub(crate) may: Vec<String>,
    #[serde(default)]
    pub(crate) test: Vec<String>,
    #[serde(default)]
    pub(crate) never: Vec<String>,
    #[serde(default)]
    pub(crate) pure: bool,
}

/// A violation that is allowed: at a path, or below it when it ends in `/`, and of one function when `item` is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exception {
    pub(crate) rule: String,
    pub(crate) path: String,
    pub(crate) item: Option<String>,
    pub(crate) reason: String,
}

/// Where which rule is broken, and what to do.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) item: Option<String>,
    pub(crate) what: String,
    pub(crate) mend: String,
}

impl Tree {
    /// Whether a program wrote the file.
    pub(crate) fn is_generated(&self, path: &str) -> bool {
        self.generated.iter().any(|folder| path.starts_with(folder.as_str()))
    }
}

impl Exception {
    pub(crate) fn covers(&self, violation: &Violation) -> bool {
        let place =
            if self.path.ends_with('/') { violation.path.starts_with(&self.path) } else { violation.path == self.path };
        self.rule == violation.rule && place && (self.item.is_none() || self.item == violation.item)
    }
}

impl Violation {
    /// One that concerns the file as a whole.
    pub(crate) fn of(rule: &'static str, path: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { rule, path: path.to_owned(), line: 1, item: None, what: what.into(), mend: mend.into() }
    }

    pub(crate) fn at(mut self, line: usize) -> Self {
        self.line = line;
        self
    }

    pub(crate) fn of_item(mut self, item: impl Into<String>) -> Self {
        self.item = Some(item.into());
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}; {}", self.path, self.line, self.rule, self.what, self.mend)
    }
}
