//! Joins the compiler to the streams: what was compiled for one is there for all that see the same, and what a change
//! cannot have touched is not compiled again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use heddle_compile::compile::{compile_own, compile_view};
use heddle_compile::impact::{impact, own_impact};
use heddle_compile::increment::recompile;
use heddle_compile::memo::Memo as Shared;
use heddle_compile::view::ViewKey;
use heddle_model::diff::{Changes, diff};
use heddle_model::issue::Issue;
use heddle_model::object::ObjectRef;
use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_serve::Generate;
use heddle_serve::metrics::{Counter, Histogram, Page};
use heddle_xds_api::{Layer, ResourceSet, TypeUrl};

mod held;
mod memo;
mod seat;

use memo::Memo;
use seat::{Basis, Seat, View};

/// Entries beyond which those that no stream holds are looked for.
const FEW: usize = 64;
/// Upper bounds of the time of one compilation, in seconds.
const SECONDS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Compiles, and remembers.
#[derive(Debug)]
pub(crate) struct Compiler {
    shared: Shared,
    views: Views,
    // Mutexes: streams compile on many threads, and hold these for a look-up only.
    owns: Mutex<Owns>,
    compared: Mutex<Option<Compared>>,
    hits: Counter,
    misses: Counter,
    seconds: Histogram,
}

/// Views by key, as long as some proxy is in them.
#[derive(Debug, Default)]
struct Views(Mutex<BTreeMap<ViewKey, Weak<View>>>);

/// What is each proxy's own, to be asked for issues.
#[derive(Debug, Default)]
struct Owns {
    all: Vec<Weak<Mutex<Memo>>>,
    /// How many there are when the dead are looked for next.
    sweep_at: usize,
}

/// The last two revisions that were compared, and in what they differ.
#[derive(Debug)]
struct Compared {
    old: u64,
    new: u64,
    changes: Arc<Changes>,
}

impl Compiler {
    /// What compilation found wrong, for the proxies that are connected.
    pub(crate) fn issues(&self) -> BTreeSet<Issue> {
        let views: Vec<Arc<View>> = lock(&self.views.0).values().filter_map(Weak::upgrade).collect();
        let owns: Vec<_> = lock(&self.owns).all.iter().filter_map(Weak::upgrade).collect();
        let found = |memo: &Mutex<Memo>| lock(memo).issues().cloned().collect::<Vec<_>>();
        let of_views = views.iter().flat_map(|view| found(&view.memo));
        of_views.chain(owns.iter().flat_map(|own| found(own))).collect()
    }

    /// Writes how it went.
    pub(crate) fn write(&self, page: &mut Page) {
        page.family("xds_cache_reads", "counter", "Layers asked for, by whether anything of them had to be compiled.");
        page.sample("xds_cache_reads", &[("type", "hit")], self.hits.get());
        page.sample("xds_cache_reads", &[("type", "miss")], self.misses.get());
        let kept = lock(&self.views.0).len() + lock(&self.owns).all.len();
        page.single("xds_cache_size", "gauge", "Layers that are kept.", kept);
        page.family("heddle_compile_seconds", "histogram", "Seconds of one compilation of a layer.");
        self.seconds.write(page, "heddle_compile_seconds", &[]);
    }

    /// In what two revisions differ; found once for all who compile after a commit.
    fn changes(&self, old: &Snapshot, new: &Snapshot) -> Arc<Changes> {
        let mut compared = lock(&self.compared);
        let known = compared.as_ref().filter(|known| (known.old, known.new) == (old.revision, new.revision));
        if let Some(known) = known {
            return known.changes.clone();
        }
        let changes = Arc::new(diff(old, new));
        *compared = Some(Compared { old: old.revision, new: new.revision, changes: changes.clone() });
        changes
    }

    fn count(&self, compiled: bool, start: Instant) {
        if compiled {
            self.misses.add(1);
            self.seconds.observe(start.elapsed().as_secs_f64());
        } else {
            self.hits.add(1);
        }
    }

    fn shared(&self, snapshot: &Arc<Snapshot>, seat: &mut Seat) -> Arc<Layer> {
        let start = Instant::now();
        if let Some(key) = seat.moved(snapshot) {
            let before = seat.view.take().map(|(_, view)| view).filter(|view| view.key == key);
            let view = before.unwrap_or_else(|| self.views.get(key));
            seat.view = Some((Basis::new(snapshot, &seat.proxy), view));
        }
        let Some((_, view)) = &seat.view else { return Arc::default() };
        let (layer, compiled) = lock(&view.memo).layer(
            snapshot,
            |old| impact(&self.changes(old, snapshot)),
            |old, known| recompile(snapshot, &view.key, &self.changes(old, snapshot), known, &self.shared),
            |types| compile_view(snapshot, &view.key, types, &self.shared),
        );
        self.count(compiled, start);
        layer
    }

    fn own(&self, snapshot: &Arc<Snapshot>, seat: &mut Seat) -> Arc<Layer> {
        let start = Instant::now();
        let (proxy, backed_services) = (&seat.proxy, &seat.backed_services);
        let (layer, compiled) = lock(&seat.own).layer(
            snapshot,
            |old| own_impact(&self.changes(old, snapshot), old, snapshot, proxy, backed_services),
            |_, _| None,
            |types| compile_own(snapshot, proxy, types),
        );
        if compiled {
            seat.note_targets(snapshot);
        }
        self.count(compiled, start);
        layer
    }
}

impl Default for Compiler {
    fn default() -> Self {
        let (hits, misses) = (Counter::default(), Counter::default());
        Self {
            shared: Shared::default(),
            views: Views::default(),
            owns: Mutex::default(),
            compared: Mutex::default(),
            hits,
            misses,
            seconds: Histogram::new(SECONDS, 1e-6),
        }
    }
}

impl Generate for Compiler {
    type Session = Seat;

    fn open(&self, proxy: &Arc<Proxy>) -> Seat {
        let seat = Seat::new(proxy);
        let mut owns = lock(&self.owns);
        if owns.all.len() >= owns.sweep_at {
            owns.all.retain(|own| own.strong_count() > 0);
            owns.sweep_at = (owns.all.len() * 2).max(FEW);
        }
        owns.all.push(Arc::downgrade(&seat.own));
        seat
    }

    fn update(&self, snapshot: &Arc<Snapshot>, seat: &mut Seat) -> Arc<ResourceSet> {
        let (shared, own) = (self.shared(snapshot, seat), self.own(snapshot, seat));
        if !(Arc::ptr_eq(&shared, &seat.set.shared) && Arc::ptr_eq(&own, &seat.set.own)) {
            seat.set = Arc::new(ResourceSet { shared, own });
        }
        seat.set.clone()
    }

    fn sources(&self, seat: &Seat, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        let own = lock(&seat.own).sources(type_url, name);
        let shared = || seat.view.as_ref().map(|(_, view)| lock(&view.memo).sources(type_url, name));
        if own.is_empty() { shared().unwrap_or_default() } else { own }
    }
}

impl Views {
    fn get(&self, key: ViewKey) -> Arc<View> {
        let mut views = lock(&self.0);
        if let Some(view) = views.get(&key).and_then(Weak::upgrade) {
            return view;
        }
        if views.len() >= FEW && views.len().is_power_of_two() {
            views.retain(|_, view| view.strong_count() > 0);
        }
        let view = Arc::new(View { key: key.clone(), memo: Mutex::default() });
        views.insert(key, Arc::downgrade(&view));
        view
    }
}

/// A compilation that panicked leaves the memo as it was before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
