//! What heddled would say of objects in their status, without a connected proxy.

use heddle_model::issue::Issue;
use heddle_store::{Bindings, Store};

/// The issues of all objects of a store, sorted.
pub(crate) fn issues(store: &mut Store) -> Vec<Issue> {
    let snapshot = store.commit();
    let mut issues: Vec<Issue> = snapshot.issues.iter().cloned().chain(Bindings::of(&snapshot).issues).collect();
    issues.sort();
    issues.dedup();
    issues
}
