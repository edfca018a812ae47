//! Resources of one type by name, in a map that shares what did not change with the map that it was made from.
//!
//! It is a list of short sorted pieces behind `Arc`s. A copy costs nothing; a change copies the list of pieces and one
//! piece; and two maps are compared piece by piece, by pointer. So a change of one resource among ten thousand costs
//! what one among a hundred does.

use std::{cmp::Ordering, sync::Arc};

use crate::Resource;

/// Resources of a piece at most. A full one is cut in two.
const PIECE: usize = 64;
/// Neighbours that together have no more than this become one when a resource goes.
const JOIN: usize = 32;

type Piece = Vec<Arc<Resource>>;

/// The resources of one type, sorted by name; each name once.
#[derive(Clone, Debug, Default)]
pub struct ResourceMap {
    pieces: Arc<Vec<Arc<Piece>>>,
    len: usize,
}

impl ResourceMap {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The resource of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Resource>> {
        let piece = self.pieces.get(self.place(name)?)?;
        let at = piece.binary_search_by(|one| order(one, name)).ok()?;
        piece.get(at)
    }

    /// Whether there is one of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Puts in a resource, in place of the one of the same name.
    pub fn insert(&mut self, resource: Arc<Resource>) {
        let at = self.place(resource.name());
        let pieces = Arc::make_mut(&mut self.pieces);
        let Some(at) = at else {
            pieces.push(Arc::new(vec![resource]));
            self.len += 1;
            return;
        };
        let piece = Arc::make_mut(&mut pieces[at]);
        match piece.binary_search_by(|one| order(one, resource.name())) {
            Ok(found) => piece[found] = resource,
            Err(free) => {
                piece.insert(free, resource);
                self.len += 1;
                if piece.len() > PIECE {
                    let tail = piece.split_off(piece.len() / 2);
                    pieces.insert(at + 1, Arc::new(tail));
                }
            }
        }
    }

    /// Takes out the resource of that name.
    pub fn remove(&mut self, name: &str) {
        let Some(at) = self.place(name).filter(|_| self.contains(name)) else { return };
        let pieces = Arc::make_mut(&mut self.pieces);
        let piece = Arc::make_mut(&mut pieces[at]);
        piece.retain(|one| **one.name() != *name);
        self.len -= 1;
        let left = piece.len();
        if left == 0 {
            pieces.remove(at);
        } else if pieces.get(at + 1).is_some_and(|next| left + next.len() <= JOIN) {
            let next = pieces.remove(at + 1);
            Arc::make_mut(&mut pieces[at]).extend(next.iter().cloned());
        }
    }

    /// All, sorted by name.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// Those from this name on.
    pub fn starting<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Resource>> + use<'a> {
        let at = self.place(name).unwrap_or(0);
        let skip = self.pieces.get(at).map_or(0, |piece| piece.partition_point(|one| order(one, name).is_lt()));
        self.pieces.iter().skip(at).flat_map(|piece| piece.iter()).skip(skip)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names of which both have not the same version, sorted. Pieces that the maps share are passed over.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Arc<str>> {
        let mut found: Vec<Arc<str>> = self.lacking(other, true);
        found.extend(other.lacking(self, false));
        found.sort_unstable();
        found
    }

    /// The names that the other has not, or not in the same version where `versions` count.
    fn lacking(&self, other: &Self, versions: bool) -> Vec<Arc<str>> {
        let mut shared: Vec<*const Piece> = other.pieces.iter().map(Arc::as_ptr).collect();
        shared.sort_unstable();
        let own = self.pieces.iter().filter(|piece| shared.binary_search(&Arc::as_ptr(piece)).is_err());
        let has = |one: &Arc<Resource>| {
            let theirs = other.get(one.name());
            theirs.is_some_and(|theirs| !versions || Arc::ptr_eq(one, theirs) || one.version() == theirs.version())
        };
        own.flat_map(|piece| piece.iter()).filter(|one| !has(one)).map(|one| one.name().clone()).collect()
    }

    /// The piece that has a name or should get it; none when there is no piece.
    fn place(&self, name: &str) -> Option<usize> {
        let at = self.pieces.partition_point(|piece| piece.last().is_some_and(|one| order(one, name).is_lt()));
        Some(at.min(self.pieces.len().checked_sub(1)?))
    }
}

/// Of two with one name the last stays.
impl FromIterator<Arc<Resource>> for ResourceMap {
    fn from_iter<I: IntoIterator<Item = Arc<Resource>>>(resources: I) -> Self {
        let mut all: Vec<Arc<Resource>> = resources.into_iter().collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all.dedup_by(|later, first| {
            let same = later.name() == first.name();
            if same {
                std::mem::swap(later, first);
            }
            same
        });
        let len = all.len();
        let pieces = all.chunks(PIECE * 3 / 4).map(|piece| Arc::new(piece.to_vec())).collect();
        Self { pieces: Arc::new(pieces), len }
    }
}

fn order(one: &Arc<Resource>, name: &str) -> Ordering {
    (**one.name()).cmp(name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{TypeUrl, envoy::config::cluster::v3::Cluster};

    fn resource(name: u32, content: usize) -> Arc<Resource> {
        let cluster = Cluster { alt_stat_name: content.to_string(), ..Default::default() };
        Arc::new(Resource::new(TypeUrl::Cluster, format!("{name:04}"), &cluster))
    }

    /// Numbers that look random and are the same each time.
    fn numbers() -> impl Iterator<Item = u32> {
        std::iter::successors(Some(7_u32), |n| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
            .map(|n| n >> 16)
    }

    #[test]
    fn it_holds_what_a_tree_holds() {
        let (mut map, mut tree) = (ResourceMap::new(), BTreeMap::new());
        for (turn, number) in numbers().take(8_000).enumerate() {
            let one = resource(number % 1_000, turn);
            // Grows at first, shrinks to nothing at last.
            if turn % 5 < if turn < 4_000 { 4 } else { 1 } {
                map.insert(one.clone());
                tree.insert(one.name().clone(), one.clone());
            } else {
                map.remove(one.name());
                tree.remove(one.name());
            }
            assert_eq!(map.get(one.name()), tree.get(one.name()));
            assert_eq!(map.len(), tree.len());
            if turn % 500 == 0 {
                assert!(map.values().eq(tree.values()));
                assert!(map.starting(one.name()).eq(tree.range(one.name().clone()..).map(|(_, one)| one)));
                assert!(tree.values().cloned().collect::<ResourceMap>().values().eq(tree.values()));
            }
        }
        for name in tree.keys() {
            map.remove(name);
        }
        assert!(map.is_empty() && map.values().next().is_none() && map.pieces.is_empty());
    }

    #[test]
    fn maps_differ_in_what_was_changed() {
        let old: ResourceMap = (0..1_000).map(|name| resource(name, 0)).collect();
        let mut new = old.clone();
        new.insert(resource(500, 1));
        new.insert(resource(2_000, 1));
        new.remove("0007");
        new.insert(resource(8, 0));
        for (one, other) in [(&old, &new), (&new, &old)] {
            let names: Vec<String> = one.differences(other).iter().map(ToString::to_string).collect();
            assert_eq!(names, ["0007", "0500", "2000"]);
        }
        assert_eq!(old.len(), 1_000, "the old one stays");
        assert!(old.pieces.iter().filter(|p| new.pieces.iter().any(|q| Arc::ptr_eq(p, q))).count() > 15);
        assert_eq!(ResourceMap::new().differences(&old).len(), 1_000);
    }

    #[test]
    fn of_one_name_the_last_stays() {
        let map: ResourceMap = [resource(1, 1), resource(2, 1), resource(1, 2)].into_iter().collect();
        assert_eq!(map.values().cloned().collect::<Vec<_>>(), [resource(1, 2), resource(2, 1)]);
    }
}
