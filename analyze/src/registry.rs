//! The hosts that objects may refer to: those of services, and of ServiceEntries.

use std::collections::BTreeMap;

use heddle_crds::networking::service_entry;
use heddle_model::host::Host;
use k8s_openapi::api::core::v1::ServiceSpec;

use crate::label::Labels;
use crate::object::Object;
use crate::world::World;

/// The annotation that restricts who sees a service.
const EXPORT_TO: &str = "networking.istio.io/exportTo";
/// Stands for every namespace.
pub(crate) const EVERYWHERE: &str = "*";
/// Stands for the namespace of the object.
const HERE: &str = ".";

/// What stands behind a host.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend<'a> {
    /// A service of Kubernetes.
    Service(&'a Object<ServiceSpec>),
    /// A ServiceEntry.
    Entry(&'a Object<service_entry::Spec>),
}

/// Hosts by their names. A host may be seen in some namespaces only.
#[derive(Debug)]
pub(crate) struct Registry<'a> {
    world: &'a World,
    exact: BTreeMap<(String, String), Backend<'a>>,
    wildcards: Vec<(String, Host, Backend<'a>)>,
}

impl<'a> Registry<'a> {
    /// The hosts of a world.
    pub(crate) fn of(world: &'a World) -> Self {
        let mut registry = Self { world, exact: BTreeMap::new(), wildcards: Vec::new() };
        for entry in &world.service_entries {
            for host in &entry.spec.hosts {
                registry.insert(&scopes(&entry.spec.export_to, entry.namespace()), host, Backend::Entry(entry));
            }
        }
        for service in &world.services {
            let export_to = service.meta.annotations.get(EXPORT_TO).map(String::as_str).unwrap_or_default();
            let listed: Vec<String> = export_to.split(',').map(str::trim).map(str::to_owned).collect();
            let scopes = scopes(if export_to.is_empty() { &[] } else { &listed }, service.namespace());
            registry.insert(&scopes, &full_host(world, service.name(), service.namespace()), Backend::Service(service));
        }
        registry
    }

    fn insert(&mut self, scopes: &[String], host: &str, backend: Backend<'a>) {
        let host = host.to_ascii_lowercase();
        for scope in scopes {
            match Host::parse(&host) {
                Ok(wildcard) if wildcard.is_wildcard() => self.wildcards.push((scope.clone(), wildcard, backend)),
                _ => drop(self.exact.insert((scope.clone(), host.clone()), backend)),
            }
        }
    }

    /// What stands behind a host as an object of `namespace` names it. The object may itself be visible elsewhere only;
    /// then the host must be visible there.
    pub(crate) fn find(&self, namespace: &str, export_to: &[String], host: &str) -> Option<Backend<'a>> {
        let full = full_host(self.world, host, namespace);
        let mut seen_from = vec![EVERYWHERE.to_owned()];
        seen_from.extend(if export_to.is_empty() { vec![namespace.to_owned()] } else { scopes(export_to, namespace) });
        let exact = seen_from.iter().find_map(|scope| self.exact.get(&(scope.clone(), full.clone())).copied());
        exact.or_else(|| self.find_wildcard(&seen_from, namespace, &full))
    }

    /// A host that is a wildcard itself stands for all services whose names it covers.
    fn find_wildcard(&self, seen_from: &[String], namespace: &str, host: &str) -> Option<Backend<'a>> {
        let host = Host::parse(host).ok()?;
        let is_seen = |scope: &String| scope == namespace || seen_from.contains(scope);
        let found = self.wildcards.iter().find(|(scope, wildcard, _)| is_seen(scope) && wildcard.overlaps(&host));
        found.map(|(_, _, backend)| *backend).or_else(|| {
            let covers = |name: &str| Host::parse(name).is_ok_and(|name| host.covers(&name));
            let mut exact = self.exact.iter().filter(|((scope, _), _)| host.is_wildcard() && is_seen(scope));
            exact.find(|((_, name), _)| covers(name)).map(|(_, backend)| *backend)
        })
    }
}

impl Backend<'_> {
    /// The numbers of the ports.
    pub(crate) fn ports(&self) -> Vec<u32> {
        match self {
            Self::Service(service) => {
                let ports = service.spec.ports.iter().flatten();
                ports.filter_map(|port| u32::try_from(port.port).ok()).collect()
            }
            Self::Entry(entry) => entry.spec.ports.iter().map(|port| port.number).collect(),
        }
    }

    /// The labels that select the workloads; none if nothing is selected by labels.
    pub(crate) fn selector(&self) -> Option<&Labels> {
        match self {
            Self::Service(service) => service.spec.selector.as_ref().filter(|selector| !selector.is_empty()),
            Self::Entry(entry) => {
                let selector = entry.spec.workload_selector.as_ref().map(|selector| &selector.labels);
                selector.filter(|labels| !labels.is_empty())
            }
        }
    }

    /// The namespace of the object behind the host.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Service(service) => service.namespace(),
            Self::Entry(entry) => entry.namespace(),
        }
    }
}

/// A short name is that of a service of the namespace. All other hosts are full.
pub(crate) fn full_host(world: &World, host: &str, namespace: &str) -> String {
    let host = host.to_ascii_lowercase();
    if host.is_empty() || host.starts_with('*') || host.contains('.') {
        host
    } else {
        format!("{host}.{namespace}.svc.{}", world.domain())
    }
}

/// The namespaces that see an object, or `*`.
pub(crate) fn scopes(export_to: &[String], namespace: &str) -> Vec<String> {
    if export_to.is_empty() || export_to.iter().any(|scope| scope == EVERYWHERE) {
        return vec![EVERYWHERE.to_owned()];
    }
    let scope = |scope: &String| if scope == HERE { namespace.to_owned() } else { scope.clone() };
    let mut scopes: Vec<String> = export_to.iter().map(scope).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}
