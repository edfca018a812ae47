//! Objects of which an older one takes the place. Of several objects of one scope the oldest counts.

use std::sync::Arc;

use heddle_model::{Text, issue::Issue, labels::Labels, object::Origin, snapshot::Snapshot, workload::Workload};

use super::{ByNamespace, Extent, selector_field};

/// An object with its selector, if it has one.
type Scoped<'a> = (&'a Origin, Option<&'a Labels>);

/// Reports the PeerAuthentications and Sidecars that bind no workload because an older one binds it.
pub(super) fn check(snapshot: &Snapshot, workloads: &ByNamespace<'_>, extent: &Extent<'_>, issues: &mut Vec<Issue>) {
    for (namespace, policies) in &*snapshot.peer_authentications {
        let policies = policies.iter().map(|one| (&one.origin, one.selector.as_ref()));
        compare(&policies.collect::<Vec<_>>(), workloads.of(namespace), extent, issues);
    }
    let mut sidecars: std::collections::BTreeMap<&Text, Vec<Scoped<'_>>> = std::collections::BTreeMap::new();
    for sidecar in &*snapshot.sidecars {
        let scoped = (&sidecar.origin, sidecar.selector.as_ref());
        sidecars.entry(sidecar.origin.namespace()).or_default().push(scoped);
    }
    for (namespace, sidecars) in sidecars {
        compare(&sidecars, workloads.of(namespace), extent, issues);
    }
}

/// Compares the objects of one kind and namespace, oldest first.
fn compare(objects: &[Scoped<'_>], workloads: &[&Arc<Workload>], extent: &Extent<'_>, issues: &mut Vec<Issue>) {
    let indexed = objects.iter().enumerate();
    for (index, (origin, selector)) in indexed.filter(|(_, (origin, _))| extent.has(&origin.object)) {
        let older = &objects[..index];
        let by = match selector.filter(|labels| !labels.is_empty()) {
            None => older.iter().find(|(_, other)| other.is_none_or(Labels::is_empty)).map(|(other, _)| *other),
            Some(selector) => taken(selector, older, workloads),
        };
        if let Some(by) = by {
            let message = format!("the older {} binds the same workloads, so this object has no effect", by.object);
            // Without a selector it is the object that competes, not a field of it.
            let is_for_all = selector.is_none_or(Labels::is_empty);
            let field = if is_for_all { "" } else { selector_field(origin.object.kind) };
            issues.push(Issue::error(&origin.object, field, "Overruled", message));
        }
    }
}

/// The older object that binds a workload of this selector, if older objects bind all of them.
fn taken<'a>(selector: &Labels, older: &[Scoped<'a>], workloads: &[&Arc<Workload>]) -> Option<&'a Origin> {
    let selects = |(_, other): &&Scoped<'_>, one: &Workload| {
        other.is_some_and(|labels| !labels.is_empty() && labels.select(&one.labels))
    };
    let mut by = None;
    for workload in workloads.iter().filter(|one| selector.select(&one.labels)) {
        by = Some(older.iter().find(|scoped| selects(scoped, workload))?.0);
    }
    by
}
