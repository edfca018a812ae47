//! Decisions from bytes. When they have run out every decision is the first, so that a short input is a small object.

/// What is left of a part of the input.
pub(crate) struct Bytes<'a> {
    left: std::slice::Iter<'a, u8>,
    lengthened: bool,
    tame: bool,
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes.iter(), lengthened: false, tame: false }
    }

    /// Of which no text is a value that Envoy may refuse by itself: see [`super::word`].
    pub(crate) fn tame(bytes: &'a [u8]) -> Self {
        Self { tame: true, ..Self::new(bytes) }
    }

    /// Whether texts that Envoy may refuse are left out.
    pub(crate) fn is_tame(&self) -> bool {
        self.tame
    }

    /// The next byte, or 0.
    pub(crate) fn next(&mut self) -> u8 {
        self.left.next().copied().unwrap_or(0)
    }

    /// A number below `count`, which must not be 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.next()) % count
    }

    /// One of these, of which there must be one.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// Whether a list may be long: once an object, since long lists of long lists are larger than any API server takes.
    pub(crate) fn lengthen(&mut self) -> bool {
        !std::mem::replace(&mut self.lengthened, true)
    }
}
