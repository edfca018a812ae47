//! Services and rules by host: of a whole scope, or of those few that one result depends on.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{destination_rule::DestinationRule, host::Host, mesh::Mesh, service::Service};

use crate::{by_ptr::ByPtr, scope::Scope};

/// What a proxy sees of the mesh, asked host by host.
pub(crate) trait Lookup {
    /// A service that it may send to, by its host or by a name that stands for it.
    fn service(&self, host: &Host) -> Option<&Arc<Service>>;
    /// The host that a name stands for.
    fn alias(&self, host: &Host) -> Option<&Host>;
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
    aliases: BTreeMap<Host, Host>,
}

/// Why a host leads to no service.
pub(crate) fn unknown(known: &impl Lookup, host: &Host) -> String {
    match known.alias(host) {
        Some(real) => format!("{host} is an alias of {real}, and no service {real} is visible here"),
        None => format!("no service {host} is visible here"),
    }
}

impl VisibleServices {
    /// Those of a scope that have these hosts, and those that they stand for.
    pub(crate) fn of<'h>(scope: &Scope<'_>, hosts: impl IntoIterator<Item = &'h Host>) -> Self {
        let mut visible = Self { mesh: ByPtr::new(scope.mesh), services: BTreeMap::new(), aliases: BTreeMap::new() };
        for host in hosts {
            visible.aliases.extend(scope.alias(host).map(|real| (host.clone(), real.clone())));
            let Some(service) = scope.service(host) else { continue };
            visible.services.entry(service.host.clone()).or_insert_with(|| {
                let rule = scope.rule(service).map(ByPtr::new);
                (ByPtr::new(service), rule)
            });
        }
        visible
    }

    /// The rules of the services.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Arc<DestinationRule>> {
        self.services.values().filter_map(|(_, rule)| rule.as_ref()).map(ByPtr::arc)
    }

    /// Their hosts.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.services.keys()
    }
}

impl Lookup for VisibleServices {
    fn service(&self, host: &Host) -> Option<&Arc<Service>> {
        let found = self.services.get(host).or_else(|| self.services.get(self.alias(host)?));
        found.map(|(service, _)| service.arc())
    }

    fn alias(&self, host: &Host) -> Option<&Host> {
        self.aliases.get(host)
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

    fn alias(&self, host: &Host) -> Option<&Host> {
        self.alias(host)
    }

    fn rule(&self, service: &Service) -> Option<&Arc<DestinationRule>> {
        self.rule(service)
    }

    fn mesh(&self) -> &Arc<Mesh> {
        self.mesh
    }
}
