//! The store: objects in, snapshots out.
//!
//! [`Store::apply`] ingests the one object and notes what it may concern; [`Store::commit`] rebuilds that and shares
//! the rest with the revision before.

mod destination_rules;
mod discovery;
mod ingest;
mod ingresses;
mod part;
mod service_index;
mod sorted;
mod virtual_services;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    Text,
    authn::PeerAuthentication,
    facets::ProxyFacets,
    gateway::Gateway,
    issue::Issue,
    labels::Labels,
    mesh::Mesh,
    secret::{Secret, Secrets},
    service::Services,
    settings::ProxySettings,
    sidecar::Sidecar,
    snapshot::Snapshot,
};

use crate::{
    ingest::mesh,
    object::{Event, Kind, Object, ObjectKey, Spec},
    settings::Settings,
};

use destination_rules::DestinationRuleIndex;
use ingresses::Ingresses;
use part::share;
use service_index::ServiceIndex;
use sorted::Sorted;
use virtual_services::VirtualServiceIndex;

/// Namespace and name.
type Name = (Text, Text);

/// The label that gives an object to one revision of the control plane.
const REVISION: &str = "istio.io/rev";

/// All that users applied, and the last snapshot made of it.
#[derive(Debug)]
pub struct Store {
    settings: Settings,
    /// The last version of each object that could be read.
    objects: BTreeMap<ObjectKey, Arc<Object>>,
    /// What is wrong with each object by itself.
    findings: BTreeMap<ObjectKey, Vec<Issue>>,
    /// Why the newest version of an object cannot be read, where it cannot; until one comes that can.
    malformed: BTreeMap<ObjectKey, Vec<Issue>>,
    mesh: Arc<Mesh>,
    stale: Stale,
    services: ServiceIndex,
    virtual_services: VirtualServiceIndex,
    destination_rules: DestinationRuleIndex,
    ingresses: Ingresses,
    gateways: Sorted<Gateway>,
    sidecars: Sorted<Sidecar>,
    peer_authentications: Sorted<PeerAuthentication>,
    proxy_settings: Sorted<ProxySettings>,
    secrets: BTreeMap<Name, Arc<Secret>>,
    namespaces: BTreeMap<Text, Labels>,
    /// Namespaces with objects that are not read.
    hidden: BTreeSet<Text>,
    synced: BTreeSet<Kind>,
    snapshot: Arc<Snapshot>,
}

/// What a commit must look at besides the parts, which know it themselves.
#[derive(Clone, Copy, Debug, Default)]
struct Stale {
    mesh: bool,
    secrets: bool,
    namespaces: bool,
    findings: bool,
    discovery: bool,
}

impl Store {
    /// An empty store; its snapshot is that of an empty mesh.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mesh = Arc::new(mesh::defaults(&settings));
        let snapshot = Snapshot { mesh: mesh.clone(), synced: settings.expected.is_empty(), ..Snapshot::default() };
        Self {
            settings,
            objects: BTreeMap::new(),
            findings: BTreeMap::new(),
            malformed: BTreeMap::new(),
            mesh,
            stale: Stale::default(),
            services: ServiceIndex::default(),
            virtual_services: VirtualServiceIndex::default(),
            destination_rules: DestinationRuleIndex::default(),
            ingresses: Ingresses::default(),
            gateways: Sorted::default(),
            sidecars: Sorted::default(),
            peer_authentications: Sorted::default(),
            proxy_settings: Sorted::default(),
            secrets: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            hidden: BTreeSet::new(),
            synced: BTreeSet::new(),
            snapshot: Arc::new(snapshot),
        }
    }

    /// Takes an event. Gives what is wrong with the objects that it changed; what is wrong between objects is found at
    /// [`Self::commit`] and stands with the rest in [`Snapshot::issues`].
    pub fn apply(&mut self, event: Event) -> Vec<Issue> {
        match event {
            Event::Apply(object) => self.put(*object),
            Event::Delete(key) => {
                self.remove(&key);
                Vec::new()
            }
            Event::Relist(kind, objects) => self.relist(kind, objects),
            Event::Synced(kind) => {
                self.synced.insert(kind);
                Vec::new()
            }
        }
    }

    /// The snapshot of all that was applied: the same one when nothing that matters changed.
    pub fn commit(&mut self) -> Arc<Snapshot> {
        if self.stale.mesh {
            self.commit_mesh();
        }
        self.commit_discovery();
        let old = self.snapshot.clone();
        let services = self.services.services(&old.services);
        self.commit_ingresses(&services, !Arc::ptr_eq(&old.services, &services));
        let mut next = Snapshot {
            revision: old.revision,
            synced: old.synced || self.settings.expected.is_subset(&self.synced),
            mesh: self.mesh.clone(),
            endpoints: self.services.endpoints(&services, &self.mesh, &old.endpoints),
            services,
            workloads: self.services.workloads(&old.workloads),
            virtual_services: self.virtual_services.build(&old.virtual_services),
            destination_rules: self.destination_rules.build(&old.destination_rules),
            gateways: self.gateways.build(&old.gateways),
            sidecars: self.sidecars.build(&old.sidecars),
            peer_authentications: self.peer_authentications.build_by_namespace(&old.peer_authentications),
            proxy_settings: self.proxy_settings.build(&old.proxy_settings),
            secrets: self.commit_secrets(&old.secrets),
            assume_secrets: self.settings.assume_secrets,
            namespaces: self.commit_namespaces(&old.namespaces),
            issues: old.issues.clone(),
            facets: old.facets.clone(),
        };
        if ProxyFacets::may_differ(&old, &next) {
            next.facets = share(&old.facets, ProxyFacets::of(&next));
        }
        next.issues = self.commit_issues(&old.issues);
        if !is_same(&old, &next) {
            next.revision += 1;
            self.snapshot = Arc::new(next);
        }
        self.snapshot.clone()
    }

    /// The object of this key as it is in force.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// All objects in force, by key.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    fn put(&mut self, mut object: Object) -> Vec<Issue> {
        if self.is_foreign(&object) {
            self.remove(&object.key);
            return Vec::new();
        }
        if let Some(issue) = self.unreadable_settings(&object) {
            (object.spec, object.issues) = (Spec::Malformed, vec![issue]);
        }
        if object.spec == Spec::Malformed {
            let old = self.malformed.insert(object.key.clone(), object.issues.clone());
            self.stale.findings |= old.as_ref() != Some(&object.issues);
            return if self.is_discovered(&object.key) { object.issues } else { Vec::new() };
        }
        let was_malformed = self.malformed.remove(&object.key).is_some();
        self.stale.findings |= was_malformed;
        let unchanged = self.objects.get(&object.key).is_some_and(|old| **old == object);
        if unchanged && !was_malformed {
            return Vec::new();
        }
        let object = Arc::new(object);
        self.objects.insert(object.key.clone(), object.clone());
        if !self.is_discovered(&object.key) {
            self.hide(&object.key);
            return Vec::new();
        }
        let issues = self.ingest(&object);
        if object.key.kind == Kind::Node {
            self.ingest_pods_of(&object.key.name);
        }
        issues
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.find(key, &[]);
        self.stale.findings |= self.malformed.remove(key).is_some();
        if self.objects.remove(key).is_some() {
            self.forget(key);
            if key.kind == Kind::Node {
                self.ingest_pods_of(&key.name);
            }
        }
    }

    fn relist(&mut self, kind: Kind, objects: Vec<Object>) -> Vec<Issue> {
        let listed: BTreeSet<&ObjectKey> = objects.iter().map(|o| &o.key).collect();
        let known = self.objects.keys().chain(self.findings.keys()).chain(self.malformed.keys());
        let gone: BTreeSet<ObjectKey> = known.filter(|k| k.kind == kind && !listed.contains(k)).cloned().collect();
        for key in gone {
            self.remove(&key);
        }
        objects.into_iter().filter(|o| o.key.kind == kind).flat_map(|object| self.put(object)).collect()
    }

    /// Objects of custom kinds may belong to another revision.
    fn is_foreign(&self, object: &Object) -> bool {
        let custom = object.key.kind.group().ends_with("istio.io");
        custom && object.meta.labels.get(REVISION).is_some_and(|revision| *revision != self.settings.revision)
    }

    /// Notes what is wrong with an object by itself.
    fn find(&mut self, key: &ObjectKey, issues: &[Issue]) {
        let old = if issues.is_empty() {
            self.findings.remove(key)
        } else {
            self.findings.insert(key.clone(), issues.to_vec())
        };
        self.stale.findings |= old.unwrap_or_default() != issues;
    }

    fn commit_mesh(&mut self) {
        self.stale.mesh = false;
        let mesh = Arc::new(self.ingest_mesh());
        if mesh == self.mesh {
            return;
        }
        self.mesh = mesh;
        // What the settings themselves came from is not made with them.
        let settings = |o: &&Arc<Object>| matches!(o.key.kind, Kind::MeshConfig | Kind::ConfigMap);
        let objects: Vec<_> = self.objects.values().filter(|o| !settings(o)).cloned().collect();
        for object in objects {
            if self.is_discovered(&object.key) {
                self.ingest(&object);
            } else {
                self.hide(&object.key);
            }
        }
        self.stale.discovery = true;
        self.services.mark_all();
        self.ingresses.mark();
    }

    /// Makes Gateways and routes of the Ingresses again, where that may come to something else.
    fn commit_ingresses(&mut self, services: &Services, moved: bool) {
        let Some(made) = self.ingresses.build(&self.mesh, services, moved) else { return };
        for (name, gateway) in made.gateways {
            self.gateways.set(name, gateway);
        }
        self.virtual_services.add(made.virtual_services);
    }

    fn commit_secrets(&mut self, old: &Arc<Secrets>) -> Arc<Secrets> {
        if !std::mem::take(&mut self.stale.secrets) {
            return old.clone();
        }
        share(old, self.secrets.clone())
    }

    fn commit_namespaces(&mut self, old: &Arc<BTreeMap<Text, Labels>>) -> Arc<BTreeMap<Text, Labels>> {
        if !std::mem::take(&mut self.stale.namespaces) {
            return old.clone();
        }
        share(old, self.namespaces.clone())
    }

    fn commit_issues(&mut self, old: &Arc<Vec<Issue>>) -> Arc<Vec<Issue>> {
        let parts = [
            self.virtual_services.issues.take(),
            self.destination_rules.issues.take(),
            self.services.issues.take(),
            self.ingresses.issues.take(),
        ];
        if !std::mem::take(&mut self.stale.findings) && !parts.contains(&true) {
            return old.clone();
        }
        // What was wrong with the version before matters less than that there is a newer one.
        let read = self.findings.iter().filter(|(key, _)| !self.malformed.contains_key(*key));
        let unread = self.malformed.iter().filter(|(key, _)| self.is_discovered(key));
        let own = read.chain(unread).flat_map(|(_, issues)| issues);
        let joint = self.virtual_services.issues.iter().chain(self.destination_rules.issues.iter());
        let joint = joint.chain(self.services.issues.iter()).chain(self.ingresses.issues.iter());
        let mut all: Vec<Issue> = own.chain(joint).cloned().collect();
        all.sort();
        all.dedup();
        share(old, all)
    }
}

/// Whether two revisions have the same parts.
fn is_same(old: &Snapshot, new: &Snapshot) -> bool {
    old.synced == new.synced
        && Arc::ptr_eq(&old.issues, &new.issues)
        && Arc::ptr_eq(&old.proxy_settings, &new.proxy_settings)
        && old.has_parts_of(new)
}

#[cfg(test)]
mod tests;
