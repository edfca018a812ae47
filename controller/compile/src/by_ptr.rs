//! Values that are compared by pointer: "unchanged" means "same pointer", so keys of the memo never look inside.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

/// An `Arc` that is equal only to its own clones. It keeps its value alive, so no other value can take its address.
pub(crate) struct ByPtr<T>(Arc<T>);

impl<T> ByPtr<T> {
    /// Shares the value of an `Arc`.
    pub(crate) fn new(value: &Arc<T>) -> Self {
        Self(value.clone())
    }

    /// The `Arc`.
    pub(crate) fn arc(&self) -> &Arc<T> {
        &self.0
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl<T> Clone for ByPtr<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for ByPtr<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> PartialEq for ByPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for ByPtr<T> {}

impl<T> PartialOrd for ByPtr<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for ByPtr<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.address().cmp(&other.address())
    }
}

impl<T> Hash for ByPtr<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for ByPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::ByPtr;

    #[test]
    fn equal_values_at_two_places_are_not_the_same() {
        let (one, other) = (Arc::new(1), Arc::new(1));
        assert_eq!(ByPtr::new(&one), ByPtr::new(&one));
        assert_ne!(ByPtr::new(&one), ByPtr::new(&other));
    }
}
