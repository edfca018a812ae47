//! The one list of issues: of ingest, of compilation, of bindings, and of what proxies reject. The log, the statuses,
//! the debug pages and the metrics all show it.

mod rejected;

use std::collections::BTreeSet;

use heddle_model::issue::Issue;
use heddle_model::snapshot::Snapshot;
use heddle_serve::registry::ConnectionRegistry;
use heddle_store::Bindings;

use crate::generate::CountedCompiler;

pub(crate) use rejected::REJECTED;

/// All issues of objects, each once.
pub(crate) fn issues(
    snapshot: &Snapshot,
    bindings: &Bindings,
    compiler: &CountedCompiler,
    registry: &ConnectionRegistry,
) -> BTreeSet<Issue> {
    let of_compile = compiler.issues();
    let bound: Vec<Issue> = bindings.beside(&of_compile).cloned().collect();
    let rejected = rejected::issues(&registry.rejections(), &bindings.selected, &registry.workloads());
    snapshot.issues.iter().cloned().chain(of_compile).chain(bound).chain(rejected).collect()
}
