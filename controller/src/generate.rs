//! Joins the compiler to the streams: what was compiled for one is there for all that see the same, and what a change
//! cannot have touched is not compiled again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use heddle_compile::compile::{compile_own, compile_view};
use heddle_compile::impact::impact;
use heddle_compile::memo::Memo as Shared;
use heddle_compile::view::{ViewKey, view};
use heddle_model::Text;
use heddle_model::diff::Changes;
use heddle_model::issue::Issue;
use heddle_model::object::ObjectRef;
use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_serve::Generate;
use heddle_serve::metrics::{Counter, Histogram, Page};
use heddle_xds_api::{ResourceSet, TypeSet, TypeUrl};

mod memo;

use memo::Memo;

/// Entries beyond which those that no stream holds are looked for.
const FEW: usize = 64;
/// Upper bounds of the time of one compilation, in seconds.
const SECONDS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Compiles, and remembers.
#[derive(Debug)]
pub(crate) struct Compiler {
    shared: Shared,
    views: Memos<ViewKey>,
    owns: Memos<Text>,
    hits: Counter,
    misses: Counter,
    seconds: Histogram,
}

/// Memos by key. A mutex a memo, so that of many streams with one key one compiles and the others wait for that; they run
/// on threads that may block.
#[derive(Debug)]
struct Memos<K>(Mutex<BTreeMap<K, Arc<Mutex<Memo>>>>);

impl Compiler {
    /// What compilation found wrong, for the proxies that are connected.
    pub(crate) fn issues(&self) -> BTreeSet<Issue> {
        let memos = self.views.all().into_iter().chain(self.owns.all());
        let held = |memo: Arc<Mutex<Memo>>| {
            let memo = lock(&memo);
            if memo.is_held() { memo.issues().cloned().collect() } else { Vec::new() }
        };
        memos.flat_map(held).collect()
    }

    /// Writes how it went.
    pub(crate) fn write(&self, page: &mut Page) {
        page.family("xds_cache_reads", "counter", "Layers asked for, by whether anything of them had to be compiled.");
        page.sample("xds_cache_reads", &[("type", "hit")], self.hits.get());
        page.sample("xds_cache_reads", &[("type", "miss")], self.misses.get());
        page.single("xds_cache_size", "gauge", "Layers that are kept.", self.views.len() + self.owns.len());
        page.family("heddle_compile_seconds", "histogram", "Seconds of one compilation of a layer.");
        self.seconds.write(page, "heddle_compile_seconds", &[]);
    }

    fn count(&self, compiled: bool, start: Instant) {
        if compiled {
            self.misses.add(1);
            self.seconds.observe(start.elapsed().as_secs_f64());
        } else {
            self.hits.add(1);
        }
    }
}

impl Default for Compiler {
    fn default() -> Self {
        let (hits, misses) = (Counter::default(), Counter::default());
        Self {
            shared: Shared::default(),
            views: Memos::default(),
            owns: Memos::default(),
            hits,
            misses,
            seconds: Histogram::new(SECONDS, 1e-6),
        }
    }
}

impl Generate for Compiler {
    fn generate(&self, snapshot: &Snapshot, proxy: &Proxy, types: TypeSet) -> ResourceSet {
        let start = Instant::now();
        let key = view(snapshot, proxy);
        let memo = self.views.get(&key);
        let (shared, compiled) =
            lock(&memo).layer(snapshot, types, impact, |types| compile_view(snapshot, &key, types, &self.shared));
        self.count(compiled, start);

        let start = Instant::now();
        let memo = self.owns.get(&proxy.id);
        let mut memo = lock(&memo);
        memo.belong_to(proxy);
        let (own, compiled) = memo.layer(snapshot, types, own_impact, |types| compile_own(snapshot, proxy, types));
        self.count(compiled, start);
        ResourceSet { shared, own }
    }

    fn sources(&self, snapshot: &Snapshot, proxy: &Proxy, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        let (shared, own) = (self.views.get(&view(snapshot, proxy)), self.owns.get(&proxy.id));
        let own = lock(&own).sources(type_url, name);
        if own.is_empty() { lock(&shared).sources(type_url, name) } else { own }
    }
}

/// What is a proxy's own is its inbound side and its secrets: no routes, but rules, whose limits hold for inbound too.
fn own_impact(changes: &Changes) -> TypeSet {
    let inbound = Changes { routes: false, route_reach: false, ..changes.clone() };
    impact(&inbound)
}

impl<K: Ord + Clone> Memos<K> {
    fn get(&self, key: &K) -> Arc<Mutex<Memo>> {
        let mut memos = lock(&self.0);
        if let Some(memo) = memos.get(key) {
            return memo.clone();
        }
        if memos.len() >= FEW && memos.len().is_power_of_two() {
            // Whoever is being compiled for holds the memo; whoever was, the layer.
            memos.retain(|_, memo| Arc::strong_count(memo) > 1 || lock(memo).is_held());
        }
        memos.entry(key.clone()).or_default().clone()
    }

    fn all(&self) -> Vec<Arc<Mutex<Memo>>> {
        lock(&self.0).values().cloned().collect()
    }

    fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

impl<K> Default for Memos<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// A compilation that panicked leaves the memo as it was before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
