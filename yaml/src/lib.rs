//! Reads and writes YAML: the one reader of users' files, annotations and settings, and the one writer.
//!
//! Everything that is read has a [`Budget`]: a hostile text is refused early, and never costs more than a large honest
//! one. A file is split into documents before it is parsed, so a document that cannot be read takes out itself only.

mod budget;
mod document;
mod parse;
mod position;
mod split;
mod write;

pub use budget::Budget;
pub use document::{Document, positions, read, values};
pub use parse::{Schema, Unreadable, parse, value};
pub use position::Position;
pub use split::{Part, split};
pub use write::write;
