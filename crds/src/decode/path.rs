//! Where in a document a value stands; lives on the stack and is written out only for an error.

use std::fmt;

/// A place in a document, from the inside out.
#[derive(Clone, Copy)]
pub enum Path<'p> {
    /// The value that was given.
    Root(&'p str),
    /// A field, or an entry of a map.
    Field(&'p Path<'p>, &'p str),
    /// An element of a list, counted from 0.
    Index(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    /// A field of the value here, or an entry of the map here.
    #[must_use]
    pub const fn field<'a>(&'a self, name: &'a str) -> Path<'a>
    where
        'p: 'a,
    {
        Path::Field(self, name)
    }

    /// An element of the list here, counted from 0.
    #[must_use]
    pub const fn index<'a>(&'a self, index: usize) -> Path<'a>
    where
        'p: 'a,
    {
        Path::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root(name) | Path::Field(Path::Root(""), name) => f.write_str(name),
            Path::Field(parent, name) if is_plain(name) => write!(f, "{parent}.{name}"),
            Path::Field(parent, name) => write!(f, "{parent}[{name:?}]"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Keys with dots or slashes (labels, hosts) are quoted, or the path could not be read back.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
