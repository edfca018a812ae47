//! Shared immutable text: names repeat thousands of times in a mesh and are never edited.

use std::sync::Arc;

/// A name, host or path that many values share.
pub type Text = Arc<str>;
