//! Services and rules by host: of a whole scope, or of those few that one result depends on.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    destination_rule::DestinationRule,
    host::Host,
    mesh::Mesh,
    service::{Resolution, Service},
};

use crate::{by_ptr::ByPtr, scope::Scope};

/// What a proxy sees of the mesh, asked host by host.
pub(crate) trait Lookup {
    /// A service that it may send to.
    fn service(&self, host: &Host) -> Option<&Arc<Service>>;
    /// The rule that binds it and a service.
    fn rule(&self, service: &Service) -> Option<&Arc<DestinationRule>>;
    /// Mesh-wide settings.
    fn mesh(&self) -> &Arc<Mesh>;
}

/// Some services with their rules, as a part of a key: what is not in it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VisibleServices {
    mesh: ByPtr<Mesh>,
    services: BTreeMap<Host, (ByPtr<Service>, Option<ByPtr<DestinationRule>>)>,
}

impl VisibleServices {
    /// Those of a scope that have these hosts, and those that they stand for.
    pub(crate) fn of<'h>(scope: &Scope<'_>, hosts: impl IntoIterator<Item = &'h Host>) -> Self {
        let mut visible = Self { mesh: ByPtr::new(scope.mesh), services: BTreeMap::new() };
        for host in hosts {
            let Some(service) = visible.add(scope, host) else { continue };
            if let Resolution::Alias(real) = &service.resolution {
                visible.add(scope, real);
            }
        }
        visible
    }

    /// Their hosts.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.services.keys()
    }

    fn add<'s>(&mut self, scope: &'s Scope<'_>, host: &Host) -> Option<&'s Arc<Service>> {
        let service = scope.service(host)?;
        if !self.services.contains_key(host) {
            let rule = scope.rule(service).map(ByPtr::new);
            self.services.insert(host.clone(), (ByPtr::new(service), rule));
        }
        Some(service)
    }
}

impl Lookup for VisibleServices {
    fn service(&self, host: &Host) -> Option<&Arc<Service>> {
        self.services.get(host).map(|(service, _)| service.arc())
    }

    fn rule(&self, service: &Service) -> Option<&Arc<DestinationRule>> {
        self.services.get(&service.host).and_then(|(_, rule)| rule.as_ref()).map(ByPtr::arc)
    }

    fn mesh(&self) -> &Arc<Mesh> {
        self.mesh.arc()
    }
}

impl Lookup for Scope<'_> {
    fn service(&self, host: &Host) -> Option<&Arc<Service>> {
        self.service(host)
    }

    fn rule(&self, service: &Service) -> Option<&Arc<DestinationRule>> {
        self.rule(service)
    }

    fn mesh(&self) -> &Arc<Mesh> {
        self.mesh
    }
}
