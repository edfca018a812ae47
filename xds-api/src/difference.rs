//! The names that differ between two sets, computed once for all streams with the same sets.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use crate::{Fallbacks, ResourceMap, StandIn, subscription::SharedNames};

/// Pairs that are kept: a few types of each view that a change concerns.
const MEMORY: usize = 256;

/// Finds the names that differ between two maps, and keeps the result: of a thousand proxies with the same maps only
/// the first pays.
#[derive(Debug, Default)]
pub struct Differences {
    // A mutex, because streams run on all threads at once and each needs the result before it goes on.
    found: Mutex<VecDeque<Found>>,
    /// Sets of subscribed names, shared by the same streams.
    pub(crate) names: SharedNames,
    /// What clients of the same streams hold instead of what they reject.
    pub fallbacks: Fallbacks,
}

/// Weak, so that no old configuration is kept for its difference; a weak pointer keeps the address from being used
/// again.
#[derive(Debug)]
struct Found {
    old: Weak<ResourceMap>,
    new: Weak<ResourceMap>,
    names: Arc<[Arc<str>]>,
}

impl Differences {
    /// The same, with what stands in for a resource of which no client has accepted any version.
    #[must_use]
    pub fn with_stand_in(mut self, stand_in: StandIn) -> Self {
        self.fallbacks = Fallbacks::new(stand_in);
        self
    }

    /// The names whose resource is not the same in both, sorted.
    #[must_use]
    pub fn between(&self, old: &Arc<ResourceMap>, new: &Arc<ResourceMap>) -> Arc<[Arc<str>]> {
        let is = |weak: &Weak<ResourceMap>, map: &Arc<ResourceMap>| std::ptr::eq(weak.as_ptr(), Arc::as_ptr(map));
        let mut found = self.found.lock();
        if let Some(known) = found.iter().rev().find(|known| is(&known.new, new) && is(&known.old, old)) {
            return known.names.clone();
        }
        let names: Arc<[Arc<str>]> = old.differences(new).into();
        if found.len() == MEMORY {
            found.pop_front();
        }
        found.push_back(Found { old: Arc::downgrade(old), new: Arc::downgrade(new), names: names.clone() });
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Resource, TypeUrl, envoy::config::cluster::v3::Cluster};

    fn map(pairs: &[(&str, &str)]) -> Arc<ResourceMap> {
        let resource = |(name, content): &(&str, &str)| {
            let cluster = Cluster { alt_stat_name: (*content).to_owned(), ..Default::default() };
            Arc::new(Resource::new(TypeUrl::Cluster, *name, &cluster))
        };
        Arc::new(pairs.iter().map(resource).collect())
    }

    #[test]
    fn differences_are_by_content_and_found_once() {
        let differences = Differences::default();
        let old = map(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let new = map(&[("a", "1"), ("b", "2"), ("d", "1")]);
        let names = differences.between(&old, &new);
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["b", "c", "d"]);
        assert!(Arc::ptr_eq(&names, &differences.between(&old, &new)));
        assert!(differences.between(&new, &new).is_empty());
        for _ in 0..2 * MEMORY {
            assert_eq!(differences.between(&map(&[]), &new).len(), 3);
        }
        assert_eq!(differences.found.lock().len(), MEMORY);
    }
}
