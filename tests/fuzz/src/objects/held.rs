//! What a proxy holds, followed from revision to revision as the daemon does: only the types that a change can have touched
//! are compiled, with all that is remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use heddle_compile::view::{ViewKey, view};
use heddle_compile::{Memo, Output, compile_own, compile_view, impact};
use heddle_model::diff::{Changes, diff};
use heddle_model::issue::Issue;
use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_xds_api::{Layer, ResourceSet, TypeSet, TypeUrl};

use crate::{mesh, sound};

/// A proxy's two layers and the revision that they are of.
pub(crate) struct Held {
    proxy: &'static Proxy,
    memo: Memo,
    of: Option<(Arc<Snapshot>, ViewKey)>,
    shared: Output,
    own: Output,
}

impl Held {
    pub(crate) fn new(proxy: &'static Proxy) -> Self {
        Self { proxy, memo: Memo::default(), of: None, shared: Output::default(), own: Output::default() }
    }

    /// Goes on to a revision, and asserts that what is held then is what is compiled from nothing.
    pub(crate) fn follow(&mut self, snapshot: &Arc<Snapshot>) {
        let key = view(snapshot, self.proxy);
        let changes = self.of.as_ref().map(|(old, _)| diff(old, snapshot));
        let touched = changes.as_ref().map_or(TypeSet::ALL, impact);
        let stays = self.of.as_ref().is_some_and(|(_, old)| *old == key);
        let shared = if stays { touched } else { TypeSet::ALL };
        let own = changes.as_ref().map_or(TypeSet::ALL, own_impact);
        take(&mut self.shared, compile_view(snapshot, &key, shared, &self.memo), shared);
        take(&mut self.own, compile_own(snapshot, self.proxy, own), own);
        self.of = Some((snapshot.clone(), key));
        self.assert_is(snapshot, self.proxy, "a revision followed is not the revision from nothing");
    }

    /// Asserts that what is held is what a revision gives.
    pub(crate) fn assert_is(&self, snapshot: &Snapshot, proxy: &Proxy, what: &str) {
        let fresh = mesh::compile(snapshot, proxy, &Memo::default());
        sound::check(&fresh);
        let held = ResourceSet { shared: Arc::new(self.shared.layer.clone()), own: Arc::new(self.own.layer.clone()) };
        mesh::assert_same(&held, &fresh.set, what);
        let found = |output: &Output| output.found.values().flatten().cloned().collect::<Vec<Issue>>();
        let mut issues: Vec<Issue> = snapshot.issues.iter().cloned().collect();
        issues.extend(found(&self.shared).into_iter().chain(found(&self.own)));
        assert_eq!(sorted(issues), sorted(fresh.issues), "{what}: issues");
    }
}

/// What is a proxy's own are its inbound side and its secrets, which no route touches.
fn own_impact(changes: &Changes) -> TypeSet {
    impact(&Changes { routes: false, route_reach: false, ..changes.clone() })
}

/// Puts what was compiled in place of what was held of these types.
fn take(held: &mut Output, fresh: Output, types: TypeSet) {
    let mut layer = Layer::default();
    let mut found = BTreeMap::new();
    for type_url in TypeUrl::ALL {
        let from = if types.contains(type_url) { &fresh } else { &*held };
        if let Some(resources) = from.layer.get(type_url) {
            layer.set(type_url, resources.clone());
        }
        found.insert(type_url, from.found.get(&type_url).cloned().unwrap_or_default());
    }
    held.kept.retain(|type_url, _| !types.contains(*type_url));
    held.kept.extend(fresh.kept);
    (held.layer, held.found) = (layer, found);
}

fn sorted(mut issues: Vec<Issue>) -> Vec<Issue> {
    issues.sort();
    issues.dedup();
    issues
}
