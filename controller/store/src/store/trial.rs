//! What an object would be bound to if it were applied. The webhook asks that before the object exists.

use std::sync::Arc;

use heddle_model::{
    Text,
    issue::Issue,
    object::{ObjectRef, Origin},
    snapshot::Snapshot,
};

use super::{REVISION, Store, sorted::HasOrigin};
use crate::{
    binding::Bindings,
    object::{Event, Object, SourceId},
    settings::Settings,
};

/// The creation time of an object that does not exist yet: it is the youngest.
const NOT_YET: i64 = i64::MAX;

/// The issues of [`Bindings`] that an object would have if it were applied to a mesh. Delegates are not merged in.
#[must_use]
pub fn issues_if_applied(mut object: Object, snapshot: &Snapshot) -> Vec<Issue> {
    if object.meta.created == 0 {
        object.meta.created = NOT_YET;
    }
    let key = object.key.clone();
    let made = alone(object, snapshot);
    Bindings::of_object(&joined(snapshot, &made, &key), &key).issues
}

/// What ingest makes of the object, under the settings of the mesh.
fn alone(object: Object, snapshot: &Snapshot) -> Arc<Snapshot> {
    let namespace = object.key.namespace.clone();
    let revision = object.meta.labels.get(REVISION).cloned();
    let defaults = Settings::default();
    let settings = Settings { revision: revision.unwrap_or(defaults.revision.clone()), ..defaults };
    let labels = snapshot.namespaces.get(&namespace).cloned();
    let mut store = Store {
        mesh: snapshot.mesh.clone(),
        namespaces: labels.map(|labels| (namespace, labels)).into_iter().collect(),
        ..Store::new(settings)
    };
    store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    store.commit()
}

/// The snapshot with the new version of an object in the place of the old one.
fn joined(old: &Snapshot, made: &Snapshot, key: &ObjectRef) -> Snapshot {
    let mut joined = old.clone();
    let is_it = |origin: &Origin| *origin.object == *key;
    let of = |namespace: &Text| namespace == &key.namespace;
    if !made.virtual_services.is_empty() {
        let virtual_services = Arc::make_mut(&mut joined.virtual_services);
        let before: Vec<Origin> = old.virtual_services.iter().map(|(origin, _)| origin.clone()).filter(is_it).collect();
        for origin in &before {
            virtual_services.remove(origin);
        }
        for (origin, one) in made.virtual_services.iter() {
            virtual_services.insert(origin.clone(), one.clone());
        }
    }
    if !made.services.is_empty() {
        let services = Arc::make_mut(&mut joined.services);
        let before = old.services.iter().filter(|one| is_it(&one.origin)).map(|one| one.key());
        for key in before {
            services.remove(&key);
        }
        for one in made.services.iter() {
            services.insert(one.clone());
        }
    }
    for (namespace, rules) in made.destination_rules.iter().filter(|(namespace, _)| of(namespace)) {
        let list = Arc::make_mut(&mut joined.destination_rules).entry(namespace.clone()).or_default();
        let others = list.iter().filter(|one| !is_it(&one.origin)).chain(rules.iter());
        *list = Arc::new(others.cloned().collect());
    }
    for (namespace, policies) in made.peer_authentications.iter().filter(|(namespace, _)| of(namespace)) {
        let list = Arc::make_mut(&mut joined.peer_authentications).entry(namespace.clone()).or_default();
        *list = replaced(list, policies, key);
    }
    joined.gateways = replaced(&old.gateways, &made.gateways, key);
    joined.sidecars = replaced(&old.sidecars, &made.sidecars, key);
    joined.proxy_settings = replaced(&old.proxy_settings, &made.proxy_settings, key);
    joined
}

/// A list, oldest first, with what was made of an object in the place of what it has of it.
fn replaced<T: HasOrigin>(old: &Arc<Vec<Arc<T>>>, made: &[Arc<T>], key: &ObjectRef) -> Arc<Vec<Arc<T>>> {
    if made.is_empty() {
        return old.clone();
    }
    let others = old.iter().filter(|one| *one.origin().object != *key);
    let mut all: Vec<Arc<T>> = others.chain(made).cloned().collect();
    all.sort_by(|a, b| a.origin().cmp(b.origin()));
    Arc::new(all)
}
