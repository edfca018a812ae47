//! A sorted map that shares what did not change with the revision before.
//!
//! It is a list of short sorted pieces behind `Arc`s. A copy costs nothing; a change copies the list of pieces and one
//! piece, so that one endpoint's change among ten thousand services costs microseconds; and two revisions are compared
//! piece by piece, by pointer.

use std::{cmp::Ordering, fmt, sync::Arc};

/// Entries of a piece at most. A full one is cut in two.
const PIECE: usize = 64;
/// Neighbours that together have no more entries than this become one when an entry goes.
const JOIN: usize = 32;

type Piece<K, V> = Vec<(K, V)>;

/// A sorted map, cheap to copy and to change.
#[derive(Clone)]
pub struct SharedMap<K, V> {
    pieces: Arc<Vec<Arc<Piece<K, V>>>>,
    len: usize,
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        let pieces = Arc::make_mut(&mut self.pieces);
        let Some(at) = place(pieces, &key) else {
            pieces.push(Arc::new(vec![(key, value)]));
            self.len += 1;
            return;
        };
        let piece = Arc::make_mut(&mut pieces[at]);
        match piece.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(found) => piece[found].1 = value,
            Err(free) => {
                piece.insert(free, (key, value));
                self.len += 1;
                if piece.len() > PIECE {
                    let tail = piece.split_off(piece.len() / 2);
                    pieces.insert(at + 1, Arc::new(tail));
                }
            }
        }
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &K) {
        if self.get(key).is_none() {
            return;
        }
        let pieces = Arc::make_mut(&mut self.pieces);
        let Some(at) = place(pieces, key) else { return };
        let piece = Arc::make_mut(&mut pieces[at]);
        let Ok(found) = piece.binary_search_by(|(k, _)| k.cmp(key)) else { return };
        piece.remove(found);
        self.len -= 1;
        let left = piece.len();
        if left == 0 {
            pieces.remove(at);
        } else if pieces.get(at + 1).is_some_and(|next| left + next.len() <= JOIN) {
            let next = pieces.remove(at + 1);
            Arc::make_mut(&mut pieces[at]).extend(next.iter().cloned());
        }
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.find(|k| k.cmp(key))
    }

    /// The value of the key that `order` finds equal, for keys that are dear to build. `order` says how a key compares
    /// to the one sought, and must agree with the keys' own order.
    pub fn find(&self, order: impl Fn(&K) -> Ordering) -> Option<&V> {
        let at = self.pieces.partition_point(|piece| piece.last().is_some_and(|(k, _)| order(k) == Ordering::Less));
        let piece = self.pieces.get(at)?;
        let found = piece.binary_search_by(|(k, _)| order(k)).ok()?;
        Some(&piece[found].1)
    }

    /// The entries from the first key on for which `is_before` does not hold.
    pub fn starting(&self, is_before: impl Fn(&K) -> bool) -> impl Iterator<Item = (&K, &V)> {
        let at = self.pieces.partition_point(|piece| piece.last().is_some_and(|(k, _)| is_before(k)));
        let skip = self.pieces.get(at).map_or(0, |piece| piece.partition_point(|(k, _)| is_before(k)));
        self.pieces.iter().skip(at).flat_map(|piece| piece.iter()).skip(skip).map(|(k, v)| (k, v))
    }

    /// All entries in order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.pieces.iter().flat_map(|piece| piece.iter()).map(|(k, v)| (k, v))
    }

    /// All values in order of keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, v)| v)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The keys of one map that the other lacks, or has with a value that is not the `same`. Pieces that the maps share
    /// are passed over.
    pub fn differing<'a>(&'a self, other: &'a Self, same: impl Fn(&V, &V) -> bool) -> Vec<&'a K> {
        let mut found = Vec::new();
        for (ours, theirs) in [(self, other), (other, self)] {
            let mut shared = theirs.pieces.iter().map(Arc::as_ptr).collect::<Vec<_>>();
            shared.sort_unstable();
            let own = ours.pieces.iter().filter(|piece| shared.binary_search(&Arc::as_ptr(piece)).is_err());
            for (key, value) in own.flat_map(|piece| piece.iter()) {
                if !theirs.get(key).is_some_and(|other| same(value, other)) {
                    found.push(key);
                }
            }
        }
        found
    }
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { pieces: Arc::default(), len: 0 }
    }
}

impl<K: Ord, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pieces, &other.pieces) || (self.len == other.len && self.iter().eq(other.iter()))
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The piece that has a key or should get it; none when there is no piece.
fn place<K: Ord, V>(pieces: &[Arc<Piece<K, V>>], key: &K) -> Option<usize> {
    let at = pieces.partition_point(|piece| piece.last().is_some_and(|(k, _)| k < key));
    Some(at.min(pieces.len().checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::SharedMap;

    /// Numbers that look random and are the same each time.
    fn numbers() -> impl Iterator<Item = u32> {
        std::iter::successors(Some(7_u32), |n| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
            .map(|n| n >> 16)
    }

    #[test]
    fn it_holds_what_a_tree_holds() {
        let (mut map, mut tree) = (SharedMap::default(), BTreeMap::new());
        for (turn, number) in numbers().take(20_000).enumerate() {
            let key = number % 3_000;
            // Grows at first, shrinks to nothing at last.
            if turn % 5 < if turn < 10_000 { 4 } else { 1 } {
                map.insert(key, turn);
                tree.insert(key, turn);
            } else {
                map.remove(&key);
                tree.remove(&key);
            }
            assert_eq!(map.get(&key), tree.get(&key));
            assert_eq!(map.len(), tree.len());
            if turn % 500 == 0 {
                assert!(map.iter().eq(tree.iter()));
                assert!(map.starting(|k| *k < key).eq(tree.range(key..)));
            }
        }
        for key in 0..3_000 {
            map.remove(&key);
        }
        assert!(map.is_empty() && map.iter().next().is_none() && map.pieces.is_empty());
    }

    #[test]
    fn revisions_differ_in_what_was_changed() {
        let mut old = SharedMap::default();
        for key in 0..1_000 {
            old.insert(key, 0);
        }
        let mut new = old.clone();
        new.insert(500, 1);
        new.insert(2_000, 1);
        new.remove(&7);
        new.insert(8, 0);
        let mut differing = new.differing(&old, |a, b| a == b);
        differing.sort();
        differing.dedup();
        assert_eq!(differing, [&7, &500, &2_000]);
        assert_eq!((old.get(&500), old.len()), (Some(&0), 1_000), "the old one stays");
        assert!(old.pieces.iter().filter(|p| new.pieces.iter().any(|q| std::sync::Arc::ptr_eq(p, q))).count() > 20);
        assert_ne!(old, new);
    }
}
