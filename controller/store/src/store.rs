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
mod trial;
mod versions;
mod virtual_services;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    Text,
    authn::PeerAuthentication,
    authz::AuthorizationPolicy,
    facets::ProxyFacets,
    gateway::Gateway,
    issue::Issue,
    labels::Labels,
    mesh::Mesh,
    object::{Kind, ObjectRef},
    secret::{Secret, Secrets},
    service::Services,
    settings::ProxySettings,
    sidecar::Sidecar,
    snapshot::Snapshot,
};

use crate::{
    ingest::mesh,
    object::{Event, Object, SourceId, Spec},
    settings::Settings,
};

use destination_rules::DestinationRuleIndex;
use ingresses::Ingresses;
use part::share;
use service_index::ServiceIndex;
use sorted::Sorted;
use versions::Versions;
use virtual_services::VirtualServiceIndex;

pub use trial::issues_if_applied;

/// Namespace and name.
type Name = (Text, Text);

/// The label that gives an object to one revision of the control plane.
const REVISION: &str = "istio.io/rev";

/// All that users applied, and the last snapshot made of it.
#[derive(Debug)]
pub struct Store {
    settings: Settings,
    versions: Versions,
    /// What is wrong with each object by itself.
    findings: BTreeMap<Arc<ObjectRef>, Vec<Issue>>,
    mesh: Arc<Mesh>,
    stale: Stale,
    services: ServiceIndex,
    virtual_services: VirtualServiceIndex,
    destination_rules: DestinationRuleIndex,
    ingresses: Ingresses,
    gateways: Sorted<Gateway>,
    sidecars: Sorted<Sidecar>,
    peer_authentications: Sorted<PeerAuthentication>,
    authorization_policies: Sorted<AuthorizationPolicy>,
    proxy_settings: Sorted<ProxySettings>,
    secrets: BTreeMap<Name, Arc<Secret>>,
    namespaces: BTreeMap<Text, Labels>,
    /// Namespaces with objects that are not read.
    hidden: BTreeSet<Text>,
    synced: BTreeSet<(SourceId, Kind)>,
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
            versions: Versions::default(),
            findings: BTreeMap::new(),
            mesh,
            stale: Stale::default(),
            services: ServiceIndex::default(),
            virtual_services: VirtualServiceIndex::default(),
            destination_rules: DestinationRuleIndex::default(),
            ingresses: Ingresses::default(),
            gateways: Sorted::default(),
            sidecars: Sorted::default(),
            peer_authentications: Sorted::default(),
            authorization_policies: Sorted::default(),
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
            Event::Apply(source, object) => self.put(source, *object),
            Event::Delete(source, key) => self.remove(&source, &key),
            Event::Relist(source, kind, objects) => self.relist(&source, kind, objects),
            Event::Synced(source, kind) => {
                self.synced.insert((source, kind));
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
            authorization_policies: self.authorization_policies.build_by_namespace(&old.authorization_policies),
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

    /// This object, where it is in force.
    #[must_use]
    pub fn get(&self, key: &ObjectRef) -> Option<&Arc<Object>> {
        self.versions.in_force(&Arc::new(key.clone())).filter(|object| *object.key == *key)
    }

    /// All objects in force, by key.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.versions.all_in_force()
    }

    fn put(&mut self, source: SourceId, mut object: Object) -> Vec<Issue> {
        let key = object.key.clone();
        if self.is_foreign(&object) {
            return self.remove(&source, &key);
        }
        if let Some(issue) = self.unreadable_settings(&object) {
            (object.spec, object.issues) = (Spec::Malformed, vec![issue]);
        }
        if object.spec == Spec::Malformed {
            self.stale.findings |= self.versions.set_malformed(source, &key, &object.issues);
            return if self.is_discovered(&key) { object.issues } else { Vec::new() };
        }
        let before = self.versions.in_force(&key).cloned();
        let was_malformed = self.versions.set(source, object);
        self.stale.findings |= was_malformed;
        self.replace(before, &key, was_malformed)
    }

    fn remove(&mut self, source: &SourceId, key: &Arc<ObjectRef>) -> Vec<Issue> {
        let before = self.versions.in_force(key).cloned();
        self.stale.findings |= self.versions.remove(source, key);
        self.replace(before, key, false)
    }

    /// Puts the object that counts now in the place of the one that counted before, if it is another one.
    fn replace(&mut self, before: Option<Arc<Object>>, key: &Arc<ObjectRef>, again: bool) -> Vec<Issue> {
        let now = self.versions.in_force(key).cloned();
        let same = before.as_ref().map(Arc::as_ptr) == now.as_ref().map(Arc::as_ptr);
        if same && !again {
            return Vec::new();
        }
        if let Some(before) = before.filter(|before| now.as_ref().is_none_or(|now| now.key != before.key)) {
            self.find(&before.key, &[]);
            self.forget(&before.key);
        }
        let issues = match &now {
            Some(object) if self.is_discovered(&object.key) => self.ingest(object),
            Some(object) => {
                self.hide(&object.key);
                return Vec::new();
            }
            None => Vec::new(),
        };
        if key.kind == Kind::Node {
            self.ingest_pods_of(&key.name);
        }
        issues
    }

    fn relist(&mut self, source: &SourceId, kind: Kind, objects: Vec<Object>) -> Vec<Issue> {
        let listed: BTreeSet<&Arc<ObjectRef>> = objects.iter().map(|o| &o.key).collect();
        let known = self.versions.of_source(source);
        let gone: Vec<_> = known.filter(|key| key.kind == kind && !listed.contains(key)).cloned().collect();
        let mut issues: Vec<Issue> = gone.iter().flat_map(|key| self.remove(source, key)).collect();
        let objects = objects.into_iter().filter(|o| o.key.kind == kind);
        issues.extend(objects.flat_map(|object| self.put(source.clone(), object)));
        issues
    }

    /// Objects of custom kinds may belong to another revision.
    fn is_foreign(&self, object: &Object) -> bool {
        let custom = object.key.kind.group().ends_with("istio.io");
        custom && object.meta.labels.get(REVISION).is_some_and(|revision| *revision != self.settings.revision)
    }

    /// Notes what is wrong with an object by itself.
    fn find(&mut self, key: &Arc<ObjectRef>, issues: &[Issue]) {
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
        let objects: Vec<_> = self.objects().filter(|o| !settings(o)).cloned().collect();
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
        let read = self.findings.iter().filter(|(key, _)| !self.versions.is_malformed(key));
        let unread = self.versions.malformed().filter(|(key, _)| self.is_discovered(key));
        let own = read.flat_map(|(_, issues)| issues).chain(unread.flat_map(|(_, issues)| issues));
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
