//! What a proxy holds, followed from revision to revision by the compiler that `heddled` runs.

use std::sync::Arc;

use heddle_compile::{Compiler, Session};
use heddle_model::issue::Issue;
use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_xds_api::ResourceSet;

use crate::{mesh, sound};

/// One proxy with a compiler of its own, so that what is wrong is what is wrong for this proxy.
pub(crate) struct Held {
    proxy: &'static Proxy,
    compiler: Compiler,
    session: Session,
    set: Arc<ResourceSet>,
}

impl Held {
    pub(crate) fn new(proxy: &'static Proxy) -> Self {
        let compiler = Compiler::default();
        let session = compiler.open(&Arc::new(proxy.clone()));
        Self { proxy, compiler, session, set: Arc::default() }
    }

    /// Goes on to a revision, and asserts that what is held then is what is compiled from nothing.
    pub(crate) fn follow(&mut self, snapshot: &Arc<Snapshot>) {
        self.set = self.compiler.update(&mut self.session, snapshot);
        self.assert_is(snapshot, self.proxy, "a revision followed is not the revision from nothing");
    }

    /// Asserts that what is held is what a revision gives.
    pub(crate) fn assert_is(&self, snapshot: &Arc<Snapshot>, proxy: &Proxy, what: &str) {
        let fresh = mesh::compile(snapshot, proxy);
        sound::check(&fresh);
        mesh::assert_same(&self.set, &fresh.set, what);
        let issues = snapshot.issues.iter().cloned().chain(self.compiler.issues()).collect();
        assert_eq!(sorted(issues), sorted(fresh.issues), "{what}: issues");
    }
}

fn sorted(mut issues: Vec<Issue>) -> Vec<Issue> {
    issues.sort();
    issues.dedup();
    issues
}
