//! What a text may cost to read.

/// Limits of one document. A text that exceeds one of them is refused with the limit in the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Length of the text, in bytes. All scalars together may be as long, also those that aliases repeat.
    pub bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Scalars, sequences and mappings, also those that aliases repeat.
    pub nodes: usize,
    /// Anchors, and aliases that refer to them.
    pub aliases: usize,
    /// Parser events that all aliases together repeat.
    pub replayed_events: usize,
}

impl Budget {
    /// A file of objects that a user wrote.
    pub const FILE: Self =
        Self { bytes: 64 << 20, depth: 48, nodes: 2_000_000, aliases: 1_000, replayed_events: 100_000 };

    /// One value of a Kubernetes annotation. Kubernetes takes 256 KiB of annotations in an object, and the webhook
    /// reads annotations before Kubernetes checks that. A node of a few bytes takes hundreds in memory, so nodes are
    /// few too.
    pub const ANNOTATION: Self =
        Self { bytes: 256 << 10, depth: 48, nodes: 10_000, aliases: 100, replayed_events: 10_000 };
}
