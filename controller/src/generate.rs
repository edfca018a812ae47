//! Joins the compiler to the streams, and counts what it does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use heddle_compile::{Compiler, Session, lint};
use heddle_model::issue::Issue;
use heddle_model::object::ObjectRef;
use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_serve::Generate;
use heddle_serve::metrics::{Counter, Histogram, Page};
use heddle_xds_api::{Resource, ResourceSet, TypeUrl};

/// Upper bounds of the time of one compilation, in seconds.
const SECONDS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Layers that a proxy reads: its view's and its own.
const LAYERS: usize = 2;

/// A compiler with counters.
#[derive(Debug)]
pub(crate) struct CountedCompiler {
    compiler: Compiler,
    hits: Counter,
    misses: Counter,
    seconds: Histogram,
}

impl CountedCompiler {
    /// What is wrong with the objects behind all that connected proxies hold.
    pub(crate) fn issues(&self) -> BTreeSet<Issue> {
        self.compiler.issues()
    }

    /// Logs what the lint finds in the resources that changed. Only debug builds do that: it decodes all listeners and
    /// route configurations of the proxy.
    fn check(&self, snapshot: &Arc<Snapshot>, session: &mut Session, before: &ResourceSet, set: &Arc<ResourceSet>) {
        let changed = set.differing(before);
        // The issues cost more than the lint, and few resources need them.
        if lint(set, changed, []).is_empty() {
            return;
        }
        let violations = lint(set, changed, &self.compiler.issues());
        // A round of a newer revision may run. Then the issues are not those of this set, and that round checks again.
        if !Arc::ptr_eq(set, &self.compiler.update(session, snapshot)) {
            return;
        }
        for violation in violations {
            tracing::error!(%violation, "the compiled resources break a rule");
        }
    }

    /// Writes the counters.
    pub(crate) fn write(&self, page: &mut Page) {
        page.family("xds_cache_reads", "counter", "Layers read, by whether something of them was compiled (miss).");
        page.sample("xds_cache_reads", &[("type", "hit")], self.hits.get());
        page.sample("xds_cache_reads", &[("type", "miss")], self.misses.get());
        page.single("xds_cache_size", "gauge", "Layers that are kept.", self.compiler.layers());
        page.family("heddle_compile_seconds", "histogram", "Seconds of one compilation of a proxy's layers.");
        self.seconds.write(page, "heddle_compile_seconds", &[]);
    }
}

impl Default for CountedCompiler {
    fn default() -> Self {
        Self {
            compiler: Compiler::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            seconds: Histogram::new(SECONDS, 1e-6),
        }
    }
}

impl Generate for CountedCompiler {
    type Session = Session;

    fn open(&self, proxy: &Arc<Proxy>) -> Session {
        self.compiler.open(proxy)
    }

    fn update(&self, snapshot: &Arc<Snapshot>, session: &mut Session) -> Arc<ResourceSet> {
        let before = session.set().clone();
        let start = Instant::now();
        let set = self.compiler.update(session, snapshot);
        let compiled = session.compiled();
        if compiled > 0 {
            self.misses.add(compiled as u64);
            self.seconds.observe(start.elapsed().as_secs_f64());
        }
        self.hits.add((LAYERS - compiled) as u64);
        if cfg!(debug_assertions) {
            self.check(snapshot, session, &before, &set);
        }
        set
    }

    fn stand_in(resource: &Resource) -> Option<Resource> {
        heddle_compile::stand_in(resource)
    }

    fn sources(&self, session: &Session, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        self.compiler.sources(session, type_url, name)
    }
}
