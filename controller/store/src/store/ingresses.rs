//! Ingresses, and the classes that say who serves them. What is made of them depends on all of them at once, and on the
//! services where a port goes by its name.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{Text, gateway::Gateway, mesh::Mesh, object::Origin, route::VirtualService, service::Services};

use super::{Name, part::Issues};
use crate::{
    ingest::{
        Report,
        ingress::{self, Ingress, IngressContext},
    },
    kube::IngressSpec,
    object::Meta,
};

/// All Ingresses.
#[derive(Debug, Default)]
pub(super) struct Ingresses {
    all: BTreeMap<Origin, (Meta, Arc<IngressSpec>)>,
    origins: BTreeMap<Name, Origin>,
    /// Who serves each class.
    controllers: BTreeMap<Text, Text>,
    changed: bool,
    by_port_name: bool,
    gateways: BTreeMap<Name, Arc<Gateway>>,
    virtual_services: Vec<Arc<VirtualService>>,
    /// What is wrong, by Ingress.
    pub(super) issues: Issues<Name>,
}

/// What changed of what is made of Ingresses.
pub(super) struct Made<'a> {
    /// Gateways that are new or changed; none: gone.
    pub(super) gateways: Vec<(Name, Option<Gateway>)>,
    /// All VirtualServices.
    pub(super) virtual_services: &'a [Arc<VirtualService>],
}

impl Ingresses {
    /// Sets one, or takes it away.
    pub(super) fn set(&mut self, name: Name, value: Option<(Origin, Meta, IngressSpec)>) {
        if let Some(old) = self.origins.remove(&name) {
            self.all.remove(&old);
            self.changed = true;
        }
        if let Some((origin, meta, spec)) = value {
            self.origins.insert(name, origin.clone());
            self.all.insert(origin, (meta, Arc::new(spec)));
            self.changed = true;
        }
    }

    /// Sets who serves a class, or that there is no such class.
    pub(super) fn set_class(&mut self, name: Text, controller: Option<Text>) {
        let changed = match controller {
            Some(controller) => self.controllers.insert(name, controller.clone()) != Some(controller),
            None => self.controllers.remove(&name).is_some(),
        };
        self.changed |= changed;
    }

    /// All is to be made again.
    pub(super) fn mark(&mut self) {
        self.changed = true;
    }

    /// Makes it again, if something of it may have changed.
    pub(super) fn build(&mut self, mesh: &Mesh, services: &Services, moved: bool) -> Option<Made<'_>> {
        if !(std::mem::take(&mut self.changed) || (moved && self.by_port_name)) {
            return None;
        }
        let ours: Vec<Ingress> = self.ours(mesh);
        self.by_port_name = ours.iter().any(|ingress| ingress::names_ports(&ingress.spec));
        let mut reports: Vec<Report> = ours.iter().map(|ingress| Report::new(&ingress.origin.object)).collect();
        let (mut made, mut certified) = (BTreeMap::new(), BTreeMap::new());
        for (ingress, report) in ours.iter().zip(&mut reports) {
            let gateway = ingress::gateway(ingress, mesh, &mut certified, report);
            made.insert(of(&ingress.origin), gateway);
        }
        let virtual_services = ingress::virtual_services(&ours, &IngressContext { mesh, services }, &mut reports);
        self.virtual_services =
            virtual_services.into_iter().map(|virtual_service| kept(&self.virtual_services, virtual_service)).collect();
        self.report(&ours, reports);
        let gone = self.gateways.keys().filter(|name| !made.contains_key(*name)).cloned().collect::<Vec<_>>();
        let mut gateways: Vec<(Name, Option<Gateway>)> = gone.into_iter().map(|name| (name, None)).collect();
        for (name, gateway) in made {
            if self.gateways.get(&name).is_none_or(|old| **old != gateway) {
                self.gateways.insert(name.clone(), Arc::new(gateway.clone()));
                gateways.push((name, Some(gateway)));
            }
        }
        for (name, _) in gateways.iter().filter(|(_, gateway)| gateway.is_none()) {
            self.gateways.remove(name);
        }
        Some(Made { gateways, virtual_services: &self.virtual_services })
    }

    /// Those that are ours, the oldest first.
    fn ours(&self, mesh: &Mesh) -> Vec<Ingress> {
        let controller = |spec: &IngressSpec| {
            let class = spec.ingress_class_name.as_ref()?;
            self.controllers.get(class).map(|controller| &**controller)
        };
        let ours =
            self.all.iter().filter(|(_, (meta, spec))| ingress::is_ours(&mesh.ingress, meta, spec, controller(spec)));
        ours.map(|(origin, (_, spec))| Ingress { origin: origin.clone(), spec: spec.clone() }).collect()
    }

    fn report(&mut self, ours: &[Ingress], reports: Vec<Report>) {
        let mut found: BTreeMap<Name, _> = self.issues.keys().map(|name| (name.clone(), Vec::new())).collect();
        found.extend(ours.iter().zip(reports).map(|(ingress, report)| (of(&ingress.origin), report.into_issues())));
        for (name, issues) in found {
            self.issues.set(name, issues);
        }
    }
}

/// The name of what is made of an Ingress, which no Gateway has: a name has no `:`.
fn of(origin: &Origin) -> Name {
    (origin.namespace().clone(), format!("ingress:{}", origin.name()).into())
}

/// The VirtualService of before, where it is the same.
fn kept(old: &[Arc<VirtualService>], virtual_service: VirtualService) -> Arc<VirtualService> {
    old.iter().find(|old| ***old == virtual_service).cloned().unwrap_or_else(|| Arc::new(virtual_service))
}
